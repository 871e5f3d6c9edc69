"""boto3, unmodified, against a real server: only the environment says where SageMaker Runtime is."""

import io
import json
import re
from typing import Any

import boto3
import numpy as np
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image
from pycocotools import mask as coco

from tests.clients.conftest import ENDPOINT, PERSON, PERSON_BOX, Connect, UseServer, iou
from tests.conftest import Server, pixels_of


@pytest.fixture
def runtime(server: Server, connect: Connect) -> Any:
    """boto3's client, led to the real server."""
    return connect(server)


def ask(runtime: Any, body: Any, attributes: dict[str, Any] | str | None = None, **arguments: str) -> Any:
    """Invoke the endpoint with a JPEG."""
    if attributes is not None:
        arguments["CustomAttributes"] = attributes if isinstance(attributes, str) else json.dumps(attributes)
    return runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=body, **{"ContentType": "image/jpeg", **arguments})


def read(response: Any) -> bytes:
    with response["Body"] as body:
        return bytes(body.read())


def answer(response: Any) -> Any:
    return json.loads(read(response))


def is_astronaut(document: dict[str, Any]) -> bool:
    (label,), (box,) = document["labels"], document["boxes"]
    return PERSON.fullmatch(label) is not None and iou(box, PERSON_BOX) >= 0.8


def test_json(runtime: Any, astronaut: bytes) -> None:
    body = astronaut
    response = runtime.invoke_endpoint(
        EndpointName="my-instance-segmentation", ContentType="image/jpeg", Accept="application/json", Body=body
    )
    result = json.loads(response["Body"].read())
    assert list(result) == ["labels", "boxes"]
    assert is_astronaut(result)
    assert response["ContentType"] == "application/json"
    assert response["InvokedProductionVariant"] == "AllTraffic"
    assert re.fullmatch(r"[0-9a-f-]{32,36}", response["ResponseMetadata"]["RequestId"])


def test_nothing_asked_for_is_json(runtime: Any, astronaut: bytes) -> None:
    response = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=astronaut)
    assert is_astronaut(answer(response))


@pytest.mark.parametrize(
    ("asked", "media_type", "signature", "noise"),
    [
        ({"Accept": "image/jpeg"}, "image/jpeg", b"\xff\xd8\xff", 3),
        ({"Accept": "image/png"}, "image/png", b"\x89PNG\r\n\x1a\n", 0.5),
        ({"CustomAttributes": '{"response_type": "png"}'}, "image/png", b"\x89PNG\r\n\x1a\n", 0.5),
        ({"CustomAttributes": '{"response_type": "jpeg"}', "Accept": "*/*"}, "image/jpeg", b"\xff\xd8\xff", 3),
        ({"CustomAttributes": '{"response_type": "json"}', "Accept": "image/png"}, "image/png", b"\x89PNG", 0.5),
    ],
)
def test_picture(
    runtime: Any, astronaut: bytes, asked: dict[str, str], media_type: str, signature: bytes, noise: float
) -> None:
    response = runtime.invoke_endpoint(
        EndpointName="my-instance-segmentation", ContentType="image/jpeg", Body=astronaut, **asked
    )
    picture = read(response)
    assert response["ContentType"] == media_type
    assert picture.startswith(signature)
    before, after = pixels_of(astronaut).astype(int), pixels_of(picture).astype(int)
    assert after.shape == before.shape
    changed = np.abs(after - before).mean(axis=2)
    assert changed[300:450, 100:300].mean() > 15  # the chest
    assert changed[:, 420:].mean() < noise  # right of the person


@pytest.mark.parametrize(
    "wrap",
    [bytearray, io.BytesIO, lambda body: io.BufferedReader(io.BytesIO(body))],
    ids=["bytearray", "bytes", "file"],
)
def test_kinds_of_body(runtime: Any, astronaut: bytes, wrap: Any) -> None:
    assert is_astronaut(answer(ask(runtime, wrap(astronaut))))


def test_unsigned(server: Server, use_server: UseServer, astronaut: bytes) -> None:
    use_server(server)
    runtime = boto3.client("sagemaker-runtime", config=Config(signature_version=UNSIGNED))
    sent = []
    runtime.meta.events.register("before-send", lambda request, **_: sent.append("Authorization" in request.headers))
    assert is_astronaut(answer(ask(runtime, astronaut)))
    assert sent == [False]
    runtime.close()


def test_rle(runtime: Any, astronaut: bytes) -> None:
    document = answer(ask(runtime, astronaut, {"masks": "rle"}))
    (rle,), (box,) = document["masks"], document["boxes"]
    mask = coco.decode(rle).astype(bool)
    x1, y1, x2, y2 = (round(side) for side in box)
    assert mask.shape == (512, 512)
    assert 0.45 < mask.sum() / ((x2 - x1) * (y2 - y1)) < 0.9
    assert mask[y1 - 2 : y2 + 2, max(x1 - 2, 0) : x2 + 2].sum() == mask.sum()
    assert mask[100, 220] and mask[400, 200]  # the face, the chest
    assert document["scores"][0] > 0.9 and len(document["class_ids"]) == 1


def test_polygons_are_the_same_mask(runtime: Any, astronaut: bytes) -> None:
    (rle,) = answer(ask(runtime, astronaut, {"masks": "rle"}))["masks"]
    (polygons,) = answer(ask(runtime, astronaut, {"masks": "polygon"}))["masks"]
    filled = coco.merge(coco.frPyObjects(polygons, 512, 512))
    assert coco.iou([filled], [rle], [0])[0, 0] > 0.97


def test_mask_picture_is_the_same_mask(runtime: Any, astronaut: bytes) -> None:
    (rle,) = answer(ask(runtime, astronaut, {"masks": "rle"}))["masks"]
    response = ask(runtime, astronaut, {"render": "mask", "response_type": "png"})
    picture = pixels_of(read(response))
    assert (picture.any(axis=2) == coco.decode(rle).astype(bool)).all()


def test_facts_come_back(runtime: Any, astronaut: bytes) -> None:
    response = ask(runtime, astronaut, Accept="image/png")
    echoed = response["CustomAttributes"]
    facts = json.loads(echoed)
    assert echoed.isascii() and len(echoed) <= 1024
    assert {k: facts[k] for k in ("n", "w", "h", "type")} == {"n": 1, "w": 512, "h": 512, "type": "image/png"}
    assert facts["model"] and 0 < facts["ms"] < 60_000
    read(response)


@pytest.mark.parametrize(
    ("attributes", "echoed"),
    [
        ("trace-4711", {"trace": "trace-4711"}),
        ("Spur-é-馬", {"trace": "Spur-é-馬"}),
        ('{"confidence": 0.85, "colour": "red", "größe": 1}', {"ignored": ["colour", "größe"]}),
        ('{"class_filter": ["person"]}', {}),
    ],
)
def test_attributes_are_echoed(runtime: Any, astronaut: bytes, attributes: str, echoed: dict[str, Any]) -> None:
    response = ask(runtime, astronaut, attributes)
    text = response["CustomAttributes"]
    assert text.isascii()
    assert {k: v for k, v in json.loads(text).items() if k in ("trace", "ignored")} == echoed
    assert is_astronaut(answer(response))


def test_options(runtime: Any, astronaut: bytes) -> None:
    assert answer(ask(runtime, astronaut, {"class_filter": ["dog"]})) == {"labels": [], "boxes": []}
    many = answer(ask(runtime, astronaut, {"confidence": 0.05}))
    assert len(many["labels"]) > 1
    percents = [int(label.rsplit(" ", 1)[1].rstrip("%")) for label in many["labels"]]
    assert percents == sorted(percents, reverse=True) and min(percents) < 50
    assert len(answer(ask(runtime, astronaut, {"confidence": 0.05, "max_detections": 1}))["labels"]) == 1


def test_orientation_and_other_formats(runtime: Any, astronaut: bytes) -> None:
    upright = Image.open(io.BytesIO(astronaut)).resize((400, 512))
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # to be turned clockwise when shown
    upright.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", exif=exif)
    response = ask(runtime, buffer.getvalue(), Accept="image/png")
    assert pixels_of(read(response)).shape == (512, 400, 3)
    buffer = io.BytesIO()
    upright.save(buffer, "WEBP")
    squeezed = {"ContentType": "application/x-image", "CustomAttributes": '{"confidence": 0.5}'}
    found = answer(ask(runtime, buffer.getvalue(), **squeezed))["labels"]
    assert found[0].startswith("person ")


def test_the_variant_that_is_asked_for(runtime: Any, astronaut: bytes) -> None:
    assert ask(runtime, astronaut, TargetVariant="blue")["InvokedProductionVariant"] == "blue"


def test_a_path_that_there_is_not(runtime: Any) -> None:
    """boto3 raises its text; a later operation of AWS's is such a path."""
    runtime.meta.events.register(
        "before-call", lambda params, **_: params.update(url=params["url"].replace("/invocations", "/later"))
    )
    with pytest.raises(ClientError, match="UnknownOperationException.*there is no route '/endpoints/.*/later'"):
        ask(runtime, b"x")
