"""`async`: what is sent and how, what is not sent again, answers, failures, and what is still awaited."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from deploy.commands.asynchronous import MAX_INLINE
from deploy.ledger import FILE, Ledger, Submitted
from tests.deploy.conftest import REGION, calls, run

LARGE = b"\xff\xd8\xff" + b"0" * MAX_INLINE
ERROR = json.dumps({"error": {"code": "bad_image", "message": "no picture"}})
SUBMIT = ("async", "submit", "--name", "horses", "photos")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"text: moto takes no other bodies")
    (folder / "b" / "c.JPG").write_bytes(LARGE)
    return folder


@pytest.fixture
def account(mocked: None) -> Any:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def will_answer(*results: dict[str, Any]) -> None:
    """What moto's endpoint writes for the next pictures."""
    requests.post(
        "http://motoapi.amazonaws.com/moto-api/static/sagemaker/async-endpoint-results",
        json={"region": REGION, "results": results},
        timeout=5,
    )


def test_the_calls(photos: Path) -> None:
    options = ("--confidence", "0.3", "--ttl", "60", "--timeout", "100", "--upload", "s3://uploads/in/")
    small, put, large = calls(*SUBMIT, *options)
    asked = {
        "EndpointName": "horses",
        "Accept": "application/json",
        "CustomAttributes": '{"confidence":0.3}',
        "RequestTTLSeconds": 60,
        "InvocationTimeoutSeconds": 100,
        "ContentType": "image/jpeg",
    }
    assert small["parameters"] == {**asked, "Body": "(photos/a.jpg, 32 bytes)"}
    assert put["operation"] == "PutObject" and put["parameters"]["Key"] == "in/(hash).jpg"
    assert large["parameters"] == {**asked, "InputLocation": "s3://uploads/in/(hash).jpg"}
    assert not Path("output").exists()


def test_the_folder_of_the_deployment_takes_large_pictures(photos: Path) -> None:
    assert calls(*SUBMIT, "--bucket", "uploads")[1]["parameters"]["Key"] == "maskserve/horses/input/(hash).jpg"


def test_from_photos_to_answers(account: Any, photos: Path) -> None:
    will_answer({"data": '{"labels": []}'}, {"data": ERROR, "is_failure": True})
    submit = (*SUBMIT, "--upload", "s3://uploads/in", "--concurrency", "1")
    assert "2 of 2 sent; " in run(*submit).stderr
    (uploaded,) = account.list_objects_v2(Bucket="uploads")["Contents"]
    assert uploaded["Key"].startswith("in/") and uploaded["Size"] == len(LARGE)
    assert "2 of 2 sent, 2 of them before" in run(*submit).stderr

    result = run("async", "fetch", "--no-wait", code=1)
    assert result.stderr.splitlines()[-2:] == [
        "photos/b/c.JPG: bad_image: no picture",
        "1 of 2 answered, in output/, 1 failed",
    ]
    assert json.loads(Path("output/a.jpg.json").read_text()) == {"labels": []}
    assert sorted(path.name for path in Path("output").rglob("*.*")) == ["a.jpg.json", FILE]


def test_sent_again(account: Any, photos: Path) -> None:
    run(*SUBMIT, "--upload", "s3://uploads/")
    run("async", "fetch")
    assert Path("output/a.jpg.json").exists()
    assert "2 of 2 sent; " in run(*SUBMIT, "--upload", "s3://uploads/", "--overwrite").stderr
    assert not Path("output/a.jpg.json").exists()  # it would pass for the new one


def test_still_awaited(account: Any, photos: Path) -> None:
    run(*SUBMIT, "--upload", "s3://uploads/")
    entries = Ledger(Path("output")).entries()
    bucket, key = entries["b/c.JPG"].output.removeprefix("s3://").split("/")
    account.delete_object(Bucket=bucket, Key=key)
    for wait in (("--no-wait",), ("--timeout", "1")):
        result = run("async", "fetch", *wait, code=1)
        assert "photos/b/c.JPG: is still awaited" in result.stderr
        assert "1 of 2 answered, in output/, 1 failed" in result.stderr
    account.put_object(Bucket=bucket, Key=key, Body=b"\x89PNG\r\n\x1a\n")
    assert "2 of 2 answered, in output/" in run("async", "fetch").stderr
    assert Path("output/b/c.JPG.png").exists()


def test_objects_in_s3_are_named_and_not_read(account: Any) -> None:
    account.put_object(Bucket="uploads", Key="in/a.jpg", Body=LARGE)
    (call,) = calls("async", "submit", "--name", "horses", "s3://uploads/in/")
    assert call["parameters"]["InputLocation"] == "s3://uploads/in/a.jpg"


def test_one_that_cannot_be_sent(account: Any, photos: Path) -> None:
    """The rest is sent, and known to be when the same command runs again."""
    text = run(*SUBMIT, "--upload", "s3://gone-bucket/", "--concurrency", "1", code=1).stderr
    assert "NoSuchBucket" in text
    assert list(Ledger(Path("output")).entries()) == ["a.jpg"]
    assert "2 of 2 sent, 1 of them before" in run(*SUBMIT, "--upload", "s3://uploads/").stderr


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            ["submit", "--name", "horses", "photos"],
            "over 128,000 bytes, give --bucket or --upload: photos/b/c.JPG",
        ),
        (["submit", "--name", "horses", "photos", "--ttl", "1"], "--ttl"),
        (["fetch", "--output", "elsewhere"], "nothing was sent with --output elsewhere"),
    ],
)
def test_mistakes(args: list[str], problem: str, photos: Path) -> None:
    assert problem in run("async", *args, code=2).output


def test_a_ledger_line_that_was_cut_off(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    one, two = (Submitted(name, name, "s3://out/1", "", "") for name in ("a.jpg", "b.jpg"))
    ledger.add(one)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"name": "c.jp')
    ledger.add(two)
    assert ledger.entries() == {"a.jpg": one, "b.jpg": two}
