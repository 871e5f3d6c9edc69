"""`invoke` against a real server, through the real boto3: only the environment says where SageMaker Runtime is."""

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pytest
import skimage.data

from deploy import concurrency
from tests.conftest import Server, encode
from tests.deploy.conftest import REGION, calls, run

SMALL = {"a.jpg": skimage.data.astronaut, "b/c.png": skimage.data.coffee, "b/d.JPEG": skimage.data.chelsea}


@pytest.fixture
def served(server: Server, credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real server with the default model is SageMaker Runtime."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos in two folders, a picture that is none, a text and a hidden picture."""
    for name, photo in SMALL.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo()[::2, ::2], "PNG" if name.endswith("png") else "JPEG"))
    for name in ("bad.jpg", "notes.txt", ".hidden.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"\xff\xd8\xffno picture")
    return tmp_path / "photos"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_one_picture(served: None, photos: Path) -> None:
    result = run("invoke", "--name", "horses", str(photos / "a.jpg"), "--confidence", "0.6", "--masks", "rle")
    document = json.loads(result.stdout)
    assert document["labels"][0].startswith("person ") and document["masks"][0]["size"] == [256, 256]
    assert json.loads(result.stderr)["w"] == 256
    assert not Path("output").exists()


@pytest.mark.parametrize(
    ("kind", "ending", "start"), [("png", ".png", b"\x89PNG"), ("jpeg", ".jpg", b"\xff\xd8\xff")], ids=["png", "jpeg"]
)
def test_a_rendered_picture(served: None, photos: Path, kind: str, ending: str, start: bytes) -> None:
    run("invoke", "--name", "horses", str(photos / "a.jpg"), "--response-type", kind, "--attributes", '{"opacity": 1}')
    assert files(Path("output")) == ["a.jpg" + ending]
    assert Path("output", "a.jpg" + ending).read_bytes().startswith(start)


def test_a_folder_goes_on_where_it_was(served: None, photos: Path) -> None:
    ask = ("invoke", "--name", "horses", str(photos), "--output", "answers")
    result = run(*ask, code=1)
    bad, summary = result.stderr.splitlines()
    assert bad.startswith(f"{photos}/bad.jpg: 400 bad_image: ")
    assert summary == "3 of 4 answered, in answers/, 1 failed"
    assert files(Path("answers")) == ["a.jpg.json", "b/c.png.json", "b/d.JPEG.json"]

    Path("answers/a.jpg.json").write_text("kept")
    (photos / "bad.jpg").write_bytes((photos / "a.jpg").read_bytes())
    assert "4 of 4 answered, in answers/, 3 of them before" in run(*ask).stderr
    assert Path("answers/a.jpg.json").read_text() == "kept"

    assert "4 of 4 answered, in answers/\n" in run(*ask, "--overwrite").stderr
    assert json.loads(Path("answers/a.jpg.json").read_text())["labels"]


def test_ctrl_c_keeps_what_is_answered(served: None, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = concurrency.as_completed

    def interrupted(futures: object) -> object:
        yield next(iter(real(futures)))
        raise KeyboardInterrupt

    monkeypatch.setattr(concurrency, "as_completed", interrupted)
    ask = ("invoke", "--name", "horses", str(photos), "--output", "answers", "--concurrency", "1")
    assert "the same command again goes on" in run(*ask, code=130).stderr
    there = files(Path("answers"))
    assert 1 <= len(there) <= 2


def test_what_ends_at_once(served: None, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one failure a picture where every picture would fail in the same way."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    result = run("invoke", "--name", "horses", str(photos), code=1)
    assert result.stderr.count("Could not connect") == 1


def test_a_busy_server_is_asked_again(
    start_slow_server: Callable[..., Server], credentials: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = start_slow_server(0.3, MASKSERVE_QUEUE_SIZE="1")
    server.wait()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(encode(np.full((8, 8, 3), i, np.uint8)))
    assert "8 of 8 answered" in run("invoke", "--name", "horses", str(tmp_path), "--concurrency", "8").stderr
    assert '"status": 424' in server.log.read_text()
    server.stop()


def test_pictures_in_s3(mocked: None, server: Server, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("in/x/a.jpg", "in/../../a.jpg", "in/notes.txt", "into/a.jpg"):
        s3.upload_file(str(photos / "a.jpg"), "photos", key)
    result = run("invoke", "--name", "horses", "s3://photos/in/", "--output", "answers", code=1)
    assert "leads out of the folder" in result.stderr
    assert files(Path("answers")) == ["x/a.jpg.json"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--name", "a_b", "a.jpg"], "does not match"),
        (["--name", "a", "gone.jpg"], "no such file"),
        (["--name", "a", "."], "no pictures in"),
        (["--name", "a"], "which pictures?"),
        (["--name", "a", "s3://B"], "is not an address in S3"),
        (["--name", "a", "a.jpg", "x/a.jpg"], "have the same name"),
        (["--name", "a", "a.jpg", "--attributes", "[1]"], "takes a JSON object"),
        (["--name", "a", "a.jpg", "--attributes", json.dumps({"a": "b" * 1024})], "at most 1024"),
        (["--name", "a", "a.jpg", "--session", "a b"], "does not match"),
        (["--name", "a", "a.jpg", "x/a.jpg", "--session", "NEW_SESSION"], "one picture"),
        (["--name", "a", "a.jpg", "--stream", "--response-type", "png"], "lines of JSON"),
    ],
)
def test_mistakes(args: list[str], problem: str, tmp_path: Path) -> None:
    if "a.jpg" in args:
        for path in ("a.jpg", "x/a.jpg"):
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(b"")
    assert problem in run("invoke", *args, code=2).output


def test_dry_run(photos: Path) -> None:
    (call,) = calls("invoke", "--name", "horses", str(photos / "a.jpg"), "--target-model", "x.tar.gz")
    size = (photos / "a.jpg").stat().st_size
    assert call == {
        "service": "sagemaker-runtime",
        "operation": "InvokeEndpoint",
        "parameters": {
            "EndpointName": "horses",
            "Accept": "application/json",
            "TargetModel": "x.tar.gz",
            "ContentType": "image/jpeg",
            "Body": f"({photos}/a.jpg, {size} bytes)",
        },
    }
    assert len(calls("invoke", "--name", "horses", str(photos))) == 4
