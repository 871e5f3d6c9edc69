"""boto3, unmodified, against a real multi-model server with an archive of CLIP and a folder of the reader of text."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import skimage.data
from botocore.exceptions import ClientError

from tests.clients.conftest import ENDPOINT, Connect
from tests.clip_models import DirectClip, cosines, tiny_clip
from tests.conftest import Server, StartServer, encode, pixels_of
from tests.drawn_text import HELLO, drawn, pixels

LYING = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # to be turned by 90 degrees
CLIP, READER = "clip.tar.gz", "reader"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def served(start_server: StartServer, clip: Path) -> Iterator[Server]:
    server = start_server(SAGEMAKER_MULTI_MODEL="true")
    models = server.log.parent / "models"
    (models / READER).mkdir(parents=True)
    with tarfile.open(models / CLIP, "w:gz") as archive:
        for file in clip.iterdir():
            archive.add(file, file.name)
    (models / READER / "model.json").write_text('{"architecture": "pp_ocr", "name": "reader"}')
    server.wait()
    yield server
    assert server.stop() == 0


def ask(runtime: Any, model: str, body: bytes | str, content_type: str, **arguments: str) -> bytes:
    response = runtime.invoke_endpoint(
        EndpointName=ENDPOINT, TargetModel=model, Body=body, ContentType=content_type, **arguments
    )
    with response["Body"] as stream:
        return bytes(stream.read())


def test_embeddings_are_those_of_transformers(served: Server, connect: Connect, clip: Path) -> None:
    runtime, direct = connect(served), DirectClip(clip)
    photo = skimage.data.chelsea()
    body = ask(runtime, CLIP, encode(photo), "image/png")
    assert cosines([json.loads(body)["embedding"]], direct.pictures([photo])).min() > 0.9999
    texts = ["a photo of a cat", "a dog"]
    body = ask(runtime, CLIP, json.dumps({"text": texts[0]}), "application/json")
    assert cosines([json.loads(body)["embedding"]], direct.texts(texts[:1])).min() > 0.9999
    body = ask(runtime, CLIP, json.dumps({"text": texts}), "application/json", Accept="application/x-npy")
    assert cosines(np.load(io.BytesIO(body)), direct.texts(texts)).min() > 0.9999
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    body = ask(runtime, CLIP, lines, "application/jsonlines")
    vectors = [json.loads(line)["embedding"] for line in body.splitlines()]
    assert cosines(vectors, direct.texts(texts)).min() > 0.9999


@pytest.mark.parametrize("turned", [False, True])
def test_text_is_read_upright(turned: bool, served: Server, connect: Connect) -> None:
    runtime, page = connect(served), drawn(HELLO)
    width, height = page.size
    file = encode(pixels(page), "JPEG", quality=95)
    if turned:
        file = encode(pixels(page.rotate(90, expand=True)), "JPEG", quality=95, exif=LYING)
    answer = json.loads(ask(runtime, READER, file, "image/jpeg", Accept="application/json"))
    (line,) = answer["lines"]
    assert answer["text"] == line["text"] == HELLO and line["score"] > 0.9
    left, top, right, bottom = line["box"]
    assert 30 < left < 60 and width - 60 < right < width and 0 < top < bottom < height
    shown = pixels_of(ask(runtime, READER, file, "image/jpeg", Accept="image/png"))
    assert shown.shape == (height, width, 3)
    assert ask(runtime, READER, file, "image/jpeg", Accept="text/plain").decode() == f"{HELLO}\n"


@pytest.mark.parametrize(
    ("model", "body", "content_type", "status", "words"),
    [
        (CLIP, '{"text": "' + "cat " * 40 + '"}', "application/json", 400, "has 42 tokens; model"),
        (CLIP, '{"text": 7}', "application/json", 400, "`text` holds 7; it takes texts"),
        (READER, '{"text": "a"}', "application/json", 400, "the JSON body has no key `image`"),
        (READER, "none", "image/png", 415, ""),
    ],
)
def test_errors(
    model: str, body: str, content_type: str, status: int, words: str, served: Server, connect: Connect
) -> None:
    with pytest.raises(ClientError) as caught:
        ask(connect(served), model, body, content_type)
    answered = caught.value.response
    assert (answered["Error"]["Code"], answered["OriginalStatusCode"]) == ("ModelError", status)
    assert words in answered["OriginalMessage"]


def test_the_packaged_reader_is_a_model_of_its_own(start_server: StartServer, connect: Connect) -> None:
    server = start_server(MASKSERVE_MODEL="ocr")
    server.wait()
    runtime = connect(server)
    page = {"EndpointName": ENDPOINT, "Body": encode(pixels(drawn(HELLO))), "ContentType": "image/png"}
    response = runtime.invoke_endpoint(**page)
    with response["Body"] as stream:
        assert json.loads(stream.read())["text"] == HELLO
    assert json.loads(response["CustomAttributes"])["model"] == "ocr/pp-ocr"
    response = runtime.invoke_endpoint_with_response_stream(**page, Accept="application/jsonlines")
    with closing(response["Body"]) as events:
        assert json.loads(b"".join(event["PayloadPart"]["Bytes"] for event in events))["text"] == HELLO


def test_embeddings_through_other_routes(start_server: StartServer, connect: Connect, clip: Path) -> None:
    server = start_server(MASKSERVE_MODEL=str(clip))
    server.wait()
    exact, text = DirectClip(clip).texts(["cat"]), json.dumps({"text": "cat"})
    response = connect(server).invoke_endpoint_with_response_stream(
        EndpointName=ENDPOINT, Body=text, ContentType="application/json"
    )
    with closing(response["Body"]) as events:
        whole = b"".join(event["PayloadPart"]["Bytes"] for event in events)
    assert cosines([json.loads(whole)["embedding"]], exact).min() > 0.9999
    by_roboflow = requests.post(f"{server.url}/clip/embed_text", json={"text": "cat"}, timeout=60).json()
    assert by_roboflow["embeddings"] == [json.loads(whole)["embedding"]]
