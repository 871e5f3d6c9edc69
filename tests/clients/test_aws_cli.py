"""The AWS CLI, unmodified, against a real server."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import ENDPOINT, PERSON, PERSON_BOX, UseServer, iou
from tests.conftest import Server, pixels_of

AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def photo(server: Server, use_server: UseServer, astronaut: bytes, tmp_path: Path) -> Path:
    """The picture as a file, and the environment that leads the CLI to the server."""
    use_server(server)
    path = tmp_path / "photo.jpg"
    path.write_bytes(astronaut)
    return path


def invoke(body: Path, outfile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`aws sagemaker-runtime invoke-endpoint` with a JPEG."""
    return subprocess.run(
        [AWS, "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", ENDPOINT]
        + ["--content-type", "image/jpeg", "--body", f"fileb://{body}", *options, outfile],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_json(photo: Path, tmp_path: Path) -> None:
    done = invoke(photo, tmp_path / "out.json", "--accept", "application/json")
    assert (done.returncode, done.stderr) == (0, "")
    (label,), (box,) = json.loads((tmp_path / "out.json").read_text()).values()
    assert PERSON.fullmatch(label) and iou(box, PERSON_BOX) >= 0.8
    printed = json.loads(done.stdout)
    assert printed["ContentType"] == "application/json"
    assert printed["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads(printed["CustomAttributes"])["n"] == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--accept", "image/png"],
        ["--custom-attributes", '{"response_type": "png"}'],
        ["--accept", "image/png", "--no-sign-request"],
    ],
    ids=["accept", "attributes", "unsigned"],
)
def test_picture(photo: Path, tmp_path: Path, options: list[str]) -> None:
    done = invoke(photo, tmp_path / "out.png", *options)
    assert (done.returncode, done.stderr) == (0, "")
    picture = (tmp_path / "out.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and pixels_of(picture).shape == (512, 512, 3)
    facts = json.loads(json.loads(done.stdout)["CustomAttributes"])
    assert (facts["n"], facts["type"]) == (1, "image/png")


def test_error(photo: Path, tmp_path: Path) -> None:
    done = invoke(photo, tmp_path / "out", "--accept", "text/csv")
    assert done.returncode in (254, 255)  # version 2, version 1
    assert done.stdout == "" and not (tmp_path / "out").exists()
    said = re.search(r"\(ModelError\) .* Received client error \(406\) from primary with message \"(.*)\"", done.stderr)
    assert said and json.loads(said[1])["error"]["code"] == "not_acceptable"
    assert "Traceback" not in done.stderr and "reached max retries" not in done.stderr
