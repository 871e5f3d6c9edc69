"""boto3, unmodified, against a real server whose model.tar.gz holds a workflow."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import skimage.data
from botocore.exceptions import ClientError

from container.models import archive, locate
from container.workflows.named import BUILT_IN
from tests.clients.conftest import ENDPOINT, Connect
from tests.conftest import Server, StartServer, pixels_of


@pytest.fixture(scope="module")
def working(start_server: StartServer) -> Iterator[Server]:
    """A server of the embedded model, in whose archive the workflow that counts and draws is the model's."""
    server = start_server(MASKSERVE_MODEL="")
    model = server.log.parent / "model"
    model.mkdir()
    files = {file.name: file for file in locate.EMBEDDED.iterdir()}
    archive.pack({**files, "workflow.json": BUILT_IN / "count-objects.json"}, model / "model.tar.gz")
    server.wait()
    yield server
    assert server.stop() == 0


def ask(runtime: Any, photo: bytes, attributes: dict[str, Any] | None = None, **arguments: str) -> Any:
    return runtime.invoke_endpoint(
        EndpointName=ENDPOINT,
        Body=photo,
        ContentType="image/jpeg",
        CustomAttributes=json.dumps(attributes or {}),
        **arguments,
    )


def test_its_outputs(working: Server, connect: Connect, astronaut: bytes) -> None:
    response = ask(connect(working), astronaut, {"confidence": 0.7})
    with response["Body"] as body:
        outputs = json.loads(body.read())
    (person,) = outputs["predictions"]["predictions"]
    assert (outputs["count_objects"], person["class"]) == (1, "person")
    assert json.loads(response["CustomAttributes"])["n"] == 1


def test_its_picture(working: Server, connect: Connect, astronaut: bytes) -> None:
    with ask(connect(working), astronaut, {"confidence": 0.7}, Accept="image/png")["Body"] as body:
        drawn = pixels_of(body.read())
    changed = np.abs(drawn.astype(int) - skimage.data.astronaut()).max(axis=2) > 60  # the photo is a JPEG
    assert drawn.shape == (512, 512, 3) and 1000 < changed.sum() < 20_000


def test_it_comes_whole_where_answers_are_streamed(working: Server, connect: Connect, astronaut: bytes) -> None:
    response = connect(working).invoke_endpoint_with_response_stream(
        EndpointName=ENDPOINT, Body=astronaut, ContentType="image/jpeg", Accept="application/json"
    )
    with closing(response["Body"]) as events:
        whole = b"".join(event["PayloadPart"]["Bytes"] for event in events)
    assert set(json.loads(whole)) == {"count_objects", "output_image", "predictions"}


def test_an_option_of_the_model_alone(working: Server, connect: Connect, astronaut: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        ask(connect(working), astronaut, {"masks": "rle"})
    answered = caught.value.response
    assert (answered["Error"]["Code"], answered["OriginalStatusCode"]) == ("ModelError", 400)
    assert "it takes: model_id, confidence, response_type" in answered["OriginalMessage"]
