"""/ping, /invocations and /execution-parameters with the fake model: what goes in, what comes out."""

import base64
import io
import json
import re
import time

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from container.app import create_app
from container.engines.queue import Dispatcher
from container.errors import Overloaded
from container.settings import Settings
from tests.conftest import encode, pixels_of
from tests.fakes import FakeEngine, TricklingEngine, ready_services

GREY = np.full((30, 40, 3), 128, np.uint8)
PNG = encode(GREY)
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
DETECTIONS = {"labels": ["horse 100%", "person 53%"], "boxes": [[0, 0, 20, 30], [20, 0, 40, 30]]}


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_ping(client: FlaskClient) -> None:
    for path in ("/ping", "/ping/"):
        response = client.get(path)
        assert (response.status_code, response.data) == (200, b"")
    assert client.head("/ping").status_code == 200


def test_exactly_two_keys_by_default(client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, content_type="image/png")
    assert response.content_type == "application/json"
    assert response.json == DETECTIONS


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png", "image/jpeg", "image/*", "image/x-anything", "application/x-image", "application/octet-stream",
        "application/x-www-form-urlencoded", "IMAGE/PNG; charset=binary", None,
    ],
)  # fmt: skip
def test_pictures_are_recognised_by_their_bytes(content_type: str | None, client: FlaskClient) -> None:
    assert client.post("/invocations", data=PNG, content_type=content_type).json == DETECTIONS


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_kind_of_picture(form: str, client: FlaskClient) -> None:
    assert client.post("/invocations", data=encode(GREY, form)).json == DETECTIONS


@pytest.mark.parametrize(
    "document",
    [
        {"image": {"type": "base64", "value": base64.b64encode(PNG).decode()}},
        {"image": base64.b64encode(PNG).decode()},
        {"image": base64.b64encode(PNG).decode(), "polygon": [[i, i] for i in range(3000)]},
    ],
)
def test_json_bodies(document: object, client: FlaskClient) -> None:
    assert client.post("/invocations", json=document).json == DETECTIONS


def test_arrays(client: FlaskClient, engine: FakeEngine) -> None:
    def post(array: np.ndarray, accept: str = "application/json", attributes: str = ""):
        headers = {"Accept": accept, ATTRIBUTES: attributes}
        return client.post("/invocations", data=npy(array), content_type="application/x-npy", headers=headers)

    assert post(GREY).json == DETECTIONS
    assert post(np.stack([GREY, GREY])).json == [DETECTIONS, DETECTIONS]
    assert post(np.stack([GREY])).json == [DETECTIONS]
    clarify = post(np.stack([GREY, GREY]), attributes='{"format": "clarify"}').json
    assert len(clarify) == 2 and clarify[0][0] == pytest.approx([2, 0.9975, 0, 0, 0.5, 1])
    predicted = len(engine.asked_for)
    assert post(np.stack([GREY, GREY]), "image/png").status_code == 406
    assert len(engine.asked_for) == predicted  # refused before any work
    assert pixels_of(post(np.stack([GREY]), "image/png").data).shape == (30, 40, 3)
    assert post(GREY.astype(np.float32)).status_code == 400


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "image/png", 400),
        (PNG[:-30], "image/png", 400),
        (b"hello, this is text", "image/jpeg", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415),
        (PNG, "text/csv", 415),
        (PNG, "multipart/form-data; boundary=x", 400),
        (b"\x80\x04K\x01.", "application/x-pickle", 415),
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"picture": ""}', "application/json", 400),
        (b'{"image": {"type": "url", "value": "https://example.com/x.png"}}', "application/json", 400),
        (b'{"image": {"type": "numpy", "value": ""}}', "application/json", 400),
        (b"not an array", "application/x-npy", 400),
    ],
)
def test_bad_bodies(body: bytes, content_type: str, status: int, client: FlaskClient) -> None:
    response = client.post("/invocations", data=body, content_type=content_type)
    assert response.status_code == status
    error = response.json["error"]
    assert set(error) >= {"code", "message", "request_id"} and "\n" not in error["message"]
    assert len(response.data) < 1024
    assert client.post("/invocations", data=PNG).json == DETECTIONS  # the next request works


class Unkept(io.BytesIO):
    """A body for which there is no memory."""

    def readinto(self, _: object) -> int:
        raise MemoryError


def test_a_body_without_memory_is_not_a_broken_one(client: FlaskClient) -> None:
    response = client.post("/invocations", input_stream=Unkept(PNG))
    assert response.status_code == 503 and response.headers["Retry-After"]
    assert client.post("/invocations", data=PNG).json == DETECTIONS


@pytest.mark.parametrize("unit", [b"{},", b"[],", b'"",', b"1,", b'{"":'])
def test_json_of_many_parts_is_not_read(unit: bytes, client: FlaskClient) -> None:
    body = b'{"image": "", "x": [' + unit * (8_000_000 // len(unit)) + b"1]}"
    taken = []
    for _ in range(3):  # a collection of a test run's garbage takes 0.3 s, and falls into one of them
        begun = time.thread_time()
        response = client.post("/invocations", data=body, content_type="application/json")
        taken.append(time.thread_time() - begun)
        assert response.status_code == 400 and "commas and opening brackets" in response.json["error"]["message"]
    assert min(taken) < 0.06, taken  # 0.02; parsing takes 0.05 to 0.5 more


def test_the_body_is_not_decompressed(client: FlaskClient) -> None:
    assert client.post("/invocations", data=PNG, headers={"Content-Encoding": "gzip"}).status_code == 415
    assert client.post("/invocations", data=PNG, headers={"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize("accept", ["image/png", "image/jpeg"])
def test_pictures_out(accept: str, client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, headers={"Accept": accept})
    assert response.content_type == accept
    drawn = pixels_of(response.data)
    assert drawn.shape == (30, 40, 3) and (drawn != 128).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_answer_is_upright(orientation: int, client: FlaskClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = encode(GREY, "JPEG", exif=exif)
    upright = (30, 40) if orientation < 5 else (40, 30)
    drawn = pixels_of(client.post("/invocations", data=body, headers={"Accept": "image/png"}).data)
    assert drawn.shape[:2] == upright
    assert client.post("/invocations", data=body).json["boxes"][1][2:] == [upright[1], upright[0]]


def test_nothing_found(client: FlaskClient) -> None:
    headers = {ATTRIBUTES: '{"confidence": 1}'}
    assert client.post("/invocations", data=PNG, headers=headers).json == {"labels": [], "boxes": []}
    drawn = client.post("/invocations", data=PNG, headers={**headers, "Accept": "image/png"})
    np.testing.assert_array_equal(pixels_of(drawn.data), GREY)


def test_attributes_reach_the_model_and_the_answer(client: FlaskClient, engine: FakeEngine) -> None:
    attributes = '{"confidence": 0.2, "class_filter": ["person"], "masks": "rle", "max_detections": 7}'
    answer = client.post("/invocations", data=PNG, headers={ATTRIBUTES: attributes}).json
    asked = engine.asked_for[-1]
    assert (asked.confidence, asked.class_filter, asked.max_detections) == (0.2, ("person",), 7)
    assert set(answer) == {"labels", "boxes", "scores", "class_ids", "masks"}
    assert (answer["labels"], answer["class_ids"], answer["masks"][0]["size"]) == (["person 53%"], [1], [30, 40])


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('{"confidence": 7}', "confidence is 7"),
        ('{"response_type": "gif"}', "response_type"),
        ("{broken", "looks like JSON"),
        ('{"class_filter": ["unicorn"]}', "'unicorn', which the model does not know"),
    ],
)
def test_bad_attributes(attributes: str, reason: str, client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, headers={ATTRIBUTES: attributes})
    assert response.status_code == 400 and reason in response.json["error"]["message"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", {}),
        ("trace-42", {"trace": "trace-42"}),
        ('{"threshold": 0.1, "confidence": 0.4}', {"ignored": ["threshold"]}),
        ("x" * 4000, {"trace": "x" * 256}),
        ("ünï".encode().decode("latin-1"), {"trace": "ünï"}),
    ],
)
def test_facts_come_back(attributes: str, expected: dict[str, object], client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, headers={ATTRIBUTES: attributes, "Accept": "image/png"})
    echoed = response.headers[ATTRIBUTES]
    assert echoed.isascii() and len(echoed) <= 1024
    facts = json.loads(echoed)
    assert facts.pop("ms") >= 0
    assert facts == {"model": "fake", "n": 2, "w": 40, "h": 30, "type": "image/png", **expected}


def test_hostile_keys_keep_the_facts_within_the_limit(client: FlaskClient) -> None:
    keys = json.dumps({chr(0x1F600 + i) * 40: i for i in range(40)}, ensure_ascii=False)
    response = client.post("/invocations", data=PNG, headers={ATTRIBUTES: keys.encode().decode("latin-1")})
    assert len(response.headers[ATTRIBUTES]) <= 1024
    assert json.loads(response.headers[ATTRIBUTES])["n"] == 2


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_wrong_methods(method: str, client: FlaskClient) -> None:
    response = getattr(client, method)("/invocations")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert response.json["error"]["code"] == "method_not_allowed"


def test_unknown_routes_are_json_too(client: FlaskClient) -> None:
    response = client.get("/nope")
    assert (response.status_code, response.json["error"]["code"]) == (404, "not_found")


def test_the_request_id_is_the_inference_id(client: FlaskClient) -> None:
    header = "X-Amzn-SageMaker-Inference-Id"
    assert client.post("/invocations", data=PNG, headers={header: "order-7"}).headers["X-Request-Id"] == "order-7"
    made = client.post("/invocations", data=b"", headers={header: "two words"})
    assert made.headers["X-Request-Id"] == made.json["error"]["request_id"] != "two words"


@pytest.mark.parametrize(
    ("settings", "batch_size", "expected"),
    [
        ({}, 1, (2, 25)),
        ({"workers": 2}, 1, (4, 25)),
        ({"workers": 3}, 1, (4, 25)),
        ({}, 8, (4, 25)),
        ({"max_payload_mb": 40}, 8, (2, 40)),
        ({"max_payload_mb": 6}, 8, (9, 6)),
        ({"max_payload_mb": 100}, 8, (1, 100)),
        ({"max_payload_mb": 0}, 1, (2, 0)),
        ({"max_payload_mb": 0.5}, 1, (2, 1)),
        ({"max_concurrent_transforms": 3}, 1, (3, 25)),
    ],
)
def test_execution_parameters(settings: dict[str, int], batch_size: int, expected: tuple[int, int]) -> None:
    services = ready_services(FakeEngine(), batch_size=batch_size)
    client = create_app(Settings(**settings), services).test_client()
    assert client.get("/execution-parameters").json == {
        "MaxConcurrentTransforms": expected[0],
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": expected[1],
    }


@pytest.mark.parametrize("body", [b"", PNG[:-30], b"hello, this is text", PNG + b"\0" * 2000], ids=len)
@pytest.mark.parametrize("accept", ["application/json", "image/png", "application/jsonlines"])
def test_a_placeholder_keeps_a_batch_going(accept: str, body: bytes) -> None:
    settings = Settings(default_attributes='{"on_error": "placeholder"}', batch=True)
    client = create_app(settings, ready_services(FakeEngine(), max_body_bytes=2000)).test_client()
    response = client.post("/invocations", data=body, headers={"Accept": accept})
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert set(response.json["error"]) >= {"code", "message", "request_id"} and response.data.count(b"\n") == 1
    facts = json.loads(response.headers[ATTRIBUTES])
    assert facts == {"error": response.json["error"]["code"], "type": "application/json"}
    assert client.post("/invocations", data=PNG, headers={"Accept": accept}).content_type == accept


@pytest.mark.parametrize(
    ("headers", "error", "status"),
    [
        ({"Accept": "text/csv"}, None, 406),
        ({ATTRIBUTES: '{"confidence": 2}'}, None, 400),
        ({ATTRIBUTES: '{"class_filter": "unicorn"}'}, None, 400),
        ({ATTRIBUTES: '{"on_error": ""}', "Content-Type": "text/csv"}, None, 415),
        ({}, RuntimeError("broken"), 500),
    ],
)
def test_a_placeholder_is_for_pictures_alone(headers: dict[str, str], error: Exception | None, status: int) -> None:
    settings = Settings(default_attributes='{"on_error": "placeholder"}')
    client = create_app(settings, ready_services(FakeEngine(error=error))).test_client()
    assert client.post("/invocations", data=PNG, headers=headers).status_code == status


@pytest.mark.parametrize("content_type", ["application/octet-stream", "image/jpeg"])
def test_the_largest_payload_of_a_batch(content_type: str) -> None:
    client = create_app(
        Settings(max_payload_mb=100), ready_services(FakeEngine(), max_body_bytes=100 * 2**20)
    ).test_client()
    body = PNG + bytes(100 * 2**20 - len(PNG))
    assert client.post("/invocations", data=body, content_type=content_type).json == DETECTIONS


@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations"])
@pytest.mark.parametrize("media_type", ["application/json", "image/png", "image/jpeg", "application/jsonlines"])
def test_data_capture_gets_plain_content_types(media_type: str, path: str, client: FlaskClient) -> None:
    assert client.post(path, data=PNG, headers={"Accept": media_type}).headers["Content-Type"] == media_type
    assert client.post(path, data=b"", headers={"Accept": media_type}).headers["Content-Type"] == "application/json"


def test_the_operators_defaults() -> None:
    settings = Settings(default_accept="image/png", default_attributes='{"confidence": 0.99, "masks": "polygon"}')
    client = create_app(settings, ready_services(FakeEngine())).test_client()
    assert client.post("/invocations", data=PNG).content_type == "image/png"
    answer = client.post("/invocations", data=PNG, headers={"Accept": "application/json"}).json
    assert answer["labels"] == ["horse 100%"] and len(answer["masks"]) == 1
    headers = {"Accept": "application/json", ATTRIBUTES: '{"masks": "none", "confidence": 0.1}'}
    assert client.post("/invocations", data=PNG, headers=headers).json == DETECTIONS


@pytest.mark.parametrize("size", [1000, 1001])
def test_the_body_limit_just_under_and_just_over(size: int) -> None:
    settings = Settings(max_payload_mb=1000 / 1024**2)
    client = create_app(settings, ready_services(FakeEngine())).test_client()
    response = client.post("/invocations", data=PNG + b"\0" * (size - len(PNG)))
    assert response.status_code == (200 if size == 1000 else 413)
    if size == 1001:
        assert "SAGEMAKER_MAX_PAYLOAD_IN_MB" in response.json["error"]["hint"]


@pytest.mark.parametrize(("pixels", "status"), [(1200, 200), (1199, 413)])
def test_the_pixel_limit(pixels: int, status: int) -> None:
    client = create_app(Settings(), ready_services(FakeEngine(), max_pixels=pixels)).test_client()
    assert client.post("/invocations", data=PNG).status_code == status


def test_an_unforeseen_error_is_a_500_that_leaks_nothing(client: FlaskClient, engine: FakeEngine) -> None:
    engine.error = RuntimeError("CUDA exploded in /opt/ml/secret.py")
    response = client.post("/invocations", data=PNG)
    assert response.status_code == 500
    assert "secret" not in response.text and "CUDA" not in response.text
    engine.error = None
    assert client.post("/invocations", data=PNG).status_code == 200


@pytest.mark.parametrize(
    ("engine", "deadline_seconds", "reason"),
    [
        (FakeEngine(), 0.0, r"before the model was asked; the slowest stage was '(read|decode)'"),
        (FakeEngine(seconds=0.4), 0.1, "still in the model at its deadline"),
        (TricklingEngine(mask_seconds=0.2), 0.3, "before the answer was encoded; the slowest stage was 'encode'"),
    ],
    ids=["decode", "model", "encode"],
)
def test_the_deadline_names_the_stage(engine: FakeEngine, deadline_seconds: float, reason: str) -> None:
    client = create_app(Settings(), ready_services(engine, deadline_seconds=deadline_seconds)).test_client()
    response = client.post("/invocations", data=PNG, headers={ATTRIBUTES: '{"masks": "rle"}'})
    assert response.status_code == 504 and re.search(reason, response.json["error"]["message"])


@pytest.mark.parametrize(("body", "content_type"), [(PNG, "image/png"), (npy(np.stack([GREY])), "application/x-npy")])
def test_clarify_set_by_the_operator(body: bytes, content_type: str) -> None:
    client = create_app(
        Settings(default_attributes='{"format": "clarify"}'), ready_services(FakeEngine())
    ).test_client()
    response = client.post("/invocations", data=body, content_type=content_type)
    assert response.content_type == "application/json"
    (rows,) = response.json  # one picture: class id, score, and the box in 0-1
    assert rows == [pytest.approx([2, 0.9975, 0, 0, 0.5, 1]), pytest.approx([1, 0.53, 0.5, 0, 1, 1])]


def test_metrics_count(client: FlaskClient) -> None:
    client.post("/invocations", data=PNG)
    text = client.get("/metrics").text
    assert 'maskserve_requests_total{route="/invocations",status="200"}' in text
    assert 'maskserve_stage_seconds_count{model="fake",stage="inference"}' in text
    assert 'maskserve_detections_total{model="fake"}' in text


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "image/png"])
def test_overload_is_refused_before_the_body_is_parsed(
    content_type: str, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of these bodies can be parsed."""

    def full(*_: object) -> None:
        raise Overloaded("full")

    monkeypatch.setattr(Dispatcher, "admit", full)
    response = client.post("/invocations", data=b"{", content_type=content_type)
    assert response.status_code == 503 and response.json["error"]["code"] == "overloaded"
