"""boto3's TargetModel, against a real multi-model server with models in its folder and nothing else."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from container.models import archive, locate
from tests.clients.conftest import ENDPOINT, PERSON, Connect
from tests.conftest import Server, StartServer, pixels_of


@pytest.fixture(scope="module")
def multi_model(start_server: StartServer) -> Iterator[Server]:
    """A server with an archive, a folder, and a folder that is no model."""
    server = start_server(SAGEMAKER_MULTI_MODEL="true")
    models = server.log.parent / "models"
    (models / "empty").mkdir(parents=True)
    files = {file.name: file for file in locate.EMBEDDED.iterdir()}
    archive.pack(files, models / "packed.tar.gz")
    shutil.copytree(locate.EMBEDDED, models / "team" / "folder")
    server.wait()
    yield server
    assert server.stop() == 0


def ask(runtime: Any, photo: bytes, **arguments: str) -> Any:
    return runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=photo, ContentType="image/jpeg", **arguments)


@pytest.mark.parametrize("target", ["packed.tar.gz", "packed.tar.gz", "team/folder"], ids=["first", "again", "folder"])
def test_the_model_that_is_named_answers(target: str, multi_model: Server, connect: Connect, astronaut: bytes) -> None:
    runtime = connect(multi_model)
    with ask(runtime, astronaut, TargetModel=target)["Body"] as body:
        (label,) = json.loads(body.read())["labels"]
    assert PERSON.fullmatch(label)
    with ask(runtime, astronaut, TargetModel=target, Accept="image/png")["Body"] as body:
        assert pixels_of(body.read()).shape == (512, 512, 3)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "ValidationError"),
        ({"TargetModel": "none.tar.gz"}, "ValidationError"),
        ({"TargetModel": "../models/packed.tar.gz"}, "ValidationError"),
        ({"TargetModel": "empty"}, "ModelError"),
    ],
    ids=["none-named", "not-there", "traversal", "no-model"],
)
def test_errors(arguments: dict[str, str], kind: str, multi_model: Server, connect: Connect, astronaut: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        ask(connect(multi_model), astronaut, **arguments)
    assert caught.value.response["Error"]["Code"] == kind
    if kind == "ModelError":
        assert caught.value.response["OriginalStatusCode"] == 400
        assert "holds no model.json" in caught.value.response["OriginalMessage"]


def test_an_endpoint_of_one_model_takes_no_target(server: Server, connect: Connect, astronaut: bytes) -> None:
    with pytest.raises(ClientError, match="TargetModel is for multi-model endpoints") as caught:
        ask(connect(server), astronaut, TargetModel="packed.tar.gz")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
