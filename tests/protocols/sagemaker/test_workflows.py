"""/invocations with a workflow: one picture and parameters in, its outputs or its first picture out."""

import base64
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.engines.queue import Dispatcher
from container.models.loading import Model
from container.models.policies.explicit import Explicit
from container.service import Services
from container.settings import Settings
from container.workflows import kinds
from container.workflows.manifest import Block, Output, Step, blocks
from tests.conftest import encode, pixels_of
from tests.fakes import SPEC, FakeEngine, FakeLoader, FakePromptEngine, policy_services, ready_services
from tests.workflows.small_blocks import IMAGE, Fails, First, Gate, Halves, Side, spec, step

GREY = np.full((30, 40, 3), 100, np.uint8)
PNG = encode(GREY)
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
MODEL = {
    "type": "roboflow_core/roboflow_instance_segmentation_model@v2", "name": "model", "images": "$inputs.image",
    "model_id": "served", "confidence": "$inputs.confidence", "class_filter": "$inputs.classes",
}  # fmt: skip
INPUTS = [
    {"type": "WorkflowImage", "name": "image"},
    {"type": "WorkflowParameter", "name": "confidence", "default_value": 0.4},
    {"type": "WorkflowParameter", "name": "classes", "default_value": None},
    {"type": "WorkflowParameter", "name": "times", "default_value": 1},
]
OUTPUTS = {
    "side": "$steps.side.side",
    "found": "$steps.model.predictions",
    "negative": "$steps.negative.image",
    "image": "$inputs.image",
}
WORKFLOW = spec(
    MODEL,
    step("side", "side", image="$inputs.image", times="$inputs.times"),
    step("negative", "negative", image="$inputs.image"),
    outputs=OUTPUTS,
    inputs=INPUTS,
)
NAMES = "confidence, classes, times, response_type, on_error, jpeg_quality"


class Negative(Block):
    """Inverts a picture."""

    ids, title, doc, fields = ("test/negative@v1",), "Negative", "Inverts.", (IMAGE,)
    outputs = (Output("image", (kinds.IMAGE,)),)

    def run(self, row: Any, step: Step) -> Any:
        return {"image": row["image"].drawn(255 - row["image"].pixels)}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.load()
    for block in (Side(), Halves(), Gate(), First(), Fails(), Negative()):
        for name in block.ids:
            monkeypatch.setitem(blocks, name, block)


def served(document: Any = WORKFLOW, engine: Any = None, **limits: Any) -> Services:
    """Services of a model in whose artifact a workflow lies."""
    engine = engine or FakeEngine()
    engine.spec = replace(SPEC, workflow=json.dumps(document))
    return ready_services(engine, **limits)


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    yield create_app(Settings(), served()).test_client()


def ask(client: FlaskClient, body: bytes = PNG, path: str = "/invocations", **given: Any) -> Any:
    headers = {
        "Content-Type": given.get("content_type", "image/png"),
        **({"Accept": given["accept"]} if "accept" in given else {}),
        **({ATTRIBUTES: json.dumps(given["attributes"])} if "attributes" in given else {}),
    }
    return client.post(path, data=body, headers=headers)


def npy(*pictures: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.stack(pictures))
    return buffer.getvalue()


def test_the_outputs_are_the_answer(client: FlaskClient) -> None:
    response = ask(client)
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert list(response.json) == list(OUTPUTS)
    assert response.json["side"] == 40
    found = response.json["found"]["predictions"]
    assert [(one["class"], one["x"], one["y"]) for one in found] == [("horse", 10, 15), ("person", 30, 15)]
    assert response.json["found"]["image"] == {"width": 40, "height": 30}
    sent = base64.b64decode(response.json["negative"]["value"])
    assert pixels_of(sent).shape == (30, 40, 3) and abs(int(pixels_of(sent).mean()) - 155) < 2
    facts = json.loads(response.headers[ATTRIBUTES])
    assert {name: facts[name] for name in ("model", "n", "w", "h", "type")} == {
        "model": "fake", "n": 2, "w": 40, "h": 30, "type": "application/json",
    }  # fmt: skip


ENCODED = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PNG, "image/jpeg"),
        (PNG, "application/octet-stream"),
        (encode(GREY, "JPEG"), "image/jpeg"),
        (json.dumps({"image": ENCODED}).encode(), "application/json"),
        (json.dumps({"image": {"type": "base64", "value": ENCODED}}).encode(), "application/json"),
        (json.dumps({"inputs": {"image": ENCODED}}).encode(), "application/json"),
        (npy(*GREY), "application/x-npy"),
    ],
)
def test_every_body(body: bytes, content_type: str, client: FlaskClient) -> None:
    response = ask(client, body, content_type=content_type)
    assert response.status_code == 200 and response.json["side"] == 40


def test_a_form(client: FlaskClient) -> None:
    data = {"image": (io.BytesIO(PNG), "a.png"), "times": "3"}
    assert client.post("/invocations", data=data).json["side"] == 120


def test_arrays_are_answered_by_arrays(client: FlaskClient) -> None:
    small = np.zeros((8, 16, 3), np.uint8)
    several = json.dumps({"instances": [{"b64": ENCODED}, base64.b64encode(encode(small)).decode()]}).encode()
    answers = ask(client, several, content_type="application/json", attributes={"times": 2}).json
    assert [one["side"] for one in answers] == [80, 32]
    assert answers[1]["found"]["predictions"][0]["parent_id"] == "image.[1]"
    assert [one["side"] for one in ask(client, npy(GREY, GREY), content_type="application/x-npy").json] == [40, 40]
    assert [one["side"] for one in ask(client, npy(GREY), content_type="application/x-npy").json] == [40]
    lines = ask(client, several, content_type="application/json", accept="application/jsonlines")
    assert [json.loads(line)["side"] for line in lines.data.splitlines()] == [40, 16]
    response = ask(client, several, content_type="application/json", accept="image/png")
    assert (
        response.status_code == 406 and "holds one picture, and the request has 2" in response.json["error"]["message"]
    )


@pytest.mark.parametrize(
    ("accept", "attributes", "media_type"),
    [
        ("image/png", {}, "image/png"),
        ("image/jpeg", {}, "image/jpeg"),
        ("image/jpg", {}, "image/jpeg"),
        ("image/webp, image/png;q=0.9, application/json;q=0.1", {}, "image/png"),
        ("*/*", {"response_type": "png"}, "image/png"),
        ("application/json", {"response_type": "png"}, "application/json"),
        ("*/*", {"response_type": ""}, "application/json"),
    ],
)
def test_accept_chooses(accept: str, attributes: dict[str, str], media_type: str, client: FlaskClient) -> None:
    response = ask(client, accept=accept, attributes=attributes)
    assert (response.status_code, response.content_type) == (200, media_type)
    if media_type != "application/json":
        assert abs(int(pixels_of(response.data).mean()) - 155) < 2


def test_a_png_holds_the_very_pixels_and_the_quality_of_a_jpeg_is_as_asked(client: FlaskClient) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    response = ask(client, encode(noise), accept="image/png")
    assert np.array_equal(pixels_of(response.data), 255 - noise)
    sizes = [
        len(ask(client, encode(noise), accept="image/jpeg", attributes={"jpeg_quality": one}).data) for one in (10, 95)
    ]
    assert sizes[0] < sizes[1] / 2


NO_PICTURE = {"side": "$steps.side.side"}
CROPS = {"crops": "$steps.halves.crops", "side": "$steps.side.side"}


@pytest.mark.parametrize("outputs", [NO_PICTURE, CROPS])
@pytest.mark.parametrize(
    ("accept", "attributes", "status"),
    [
        ("image/png", {}, 406),
        ("image/*", {}, 406),
        ("*/*", {"response_type": "jpeg"}, 406),
        ("image/png, application/json;q=0.5", {}, 200),
        ("*/*", {}, 200),
    ],
)
def test_a_workflow_without_pictures(
    outputs: dict[str, str], accept: str, attributes: dict[str, str], status: int
) -> None:
    steps = step("side", "side", image="$inputs.image"), step("halves", "halves", image="$inputs.image")
    settings = Settings(default_accept="image/png")  # the operator's wish is no request
    client = create_app(settings, served(spec(*steps, outputs=outputs))).test_client()
    response = ask(client, accept=accept, attributes=attributes)
    assert response.status_code == status
    if status == 406:
        assert response.json["error"]["code"] == "not_acceptable"
        names = ", ".join(outputs)
        assert f"the workflow gives no picture; its outputs are: {names}" in response.json["error"]["message"]


def test_a_picture_that_a_step_did_not_make() -> None:
    steps = (
        step("side", "side", image="$inputs.image"),
        step("gate", "gate", value="$steps.side.side", above=50, next_steps=["$steps.negative"]),
        step("negative", "negative", image="$inputs.image"),
    )
    document = spec(*steps, outputs={"negative": "$steps.negative.image"})
    client = create_app(Settings(), served(document)).test_client()
    assert ask(client).json == {"negative": None}
    response = ask(client, accept="image/png")
    assert response.status_code == 406 and "gives no picture" in response.json["error"]["message"]
    assert ask(client, encode(np.zeros((4, 60, 3), np.uint8)), accept="image/png").content_type == "image/png"
    first = spec(*steps, outputs={"negative": "$steps.negative.image", "image": "$inputs.image"})
    response = ask(create_app(Settings(), served(first)).test_client(), accept="image/png")
    assert np.array_equal(pixels_of(response.data), GREY)


@pytest.mark.parametrize(
    ("query", "attributes", "side", "labels"),
    [
        ("", {}, 40, ["horse", "person"]),
        ("", {"times": 3, "confidence": 0.9}, 120, ["horse"]),
        ("?times=2&confidence=0.9", {}, 80, ["horse"]),
        ("?times=2", {"times": 4}, 160, ["horse", "person"]),
        ("?classes=person,horse", {}, 40, ["horse", "person"]),
        ("?classes=person", {}, 40, ["person"]),
        ('?classes=["person"]', {}, 40, ["person"]),
        ("", {"classes": ["person"]}, 40, ["person"]),
        ("?api_key=unused", {"classes": None}, 40, ["horse", "person"]),
    ],
)
def test_parameters(query: str, attributes: dict[str, Any], side: int, labels: list[str], client: FlaskClient) -> None:
    answer = ask(client, path="/invocations" + query, attributes=attributes).json
    assert (answer["side"], [one["class"] for one in answer["found"]["predictions"]]) == (side, labels)
    body = json.dumps({"image": ENCODED, "parameters": attributes}).encode()
    if not query:
        assert ask(client, body, content_type="application/json").json["side"] == side


@pytest.mark.parametrize(
    ("query", "attributes", "reason", "hint"),
    [
        ("", {"masks": "rle"}, "option 'masks' means nothing to a workflow", f"it takes: {NAMES}"),
        ("?masks=rle", {}, "option 'masks' means nothing to a workflow", f"it takes: {NAMES}"),
        ("", {"format": "clarify"}, "option 'format' means nothing", f"it takes: {NAMES}"),
        ("", {"treshold": 1}, "option 'treshold' is unknown", f"it takes: {NAMES}"),
        ("?treshold=1", {}, "option 'treshold' is unknown", f"it takes: {NAMES}"),
        ("", {"response_type": "gif"}, 'option response_type is "gif"; it takes one of', ""),
        ("", {"times": 11}, "input times is 11; it takes a whole number from 0 to 10", "it is times of step 'side'"),
        ("?times=many", {}, "input times is 'many'; it takes a whole number", "it is times of step 'side'"),
        ("", {"confidence": "high"}, "input confidence is 'high'; it takes a number", ""),
    ],
)
def test_what_is_refused(query: str, attributes: dict[str, Any], reason: str, hint: str, client: FlaskClient) -> None:
    response = ask(client, path="/invocations" + query, attributes=attributes)
    assert response.status_code == 400 and set(response.json) == {"error"}
    assert reason in response.json["error"]["message"] and hint in response.json["error"].get("hint", "")


def test_opaque_attributes_come_back(client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, headers={ATTRIBUTES: "trace-id=1"})
    assert json.loads(response.headers[ATTRIBUTES])["trace"] == "trace-id=1"
    assert client.post("/invocations", data=PNG, headers={ATTRIBUTES: '{"a": '}).status_code == 400


def test_other_keys_of_a_json_body_are_told(client: FlaskClient) -> None:
    body = json.dumps({"image": ENCODED, "signature_name": "x"}).encode()
    response = ask(client, body, content_type="application/json")
    assert json.loads(response.headers[ATTRIBUTES])["ignored"] == ["signature_name"]


def test_prompts_and_sessions_are_refused(client: FlaskClient) -> None:
    body = json.dumps({"image": ENCODED, "prompts": [{"points": [{"x": 1, "y": 1, "positive": True}]}]}).encode()
    response = ask(client, body, content_type="application/json")
    assert response.status_code == 400 and "prompts are for a promptable model" in response.json["error"]["message"]
    for session in ("NEW_SESSION", "no-such-session"):
        response = client.post("/invocations", data=PNG, headers={"X-Amzn-SageMaker-Session-Id": session})
        assert response.status_code == 400 and "session" in response.json["error"]["message"]
    assert "send the picture with every request" in client.post(
        "/invocations", data=PNG, headers={"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}
    ).json["error"]["hint"]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (ValueError("secret"), 500, "workflow", "step 'fails': it failed unexpectedly"),
        (MemoryError(), 503, "out_of_memory", "there is not enough memory"),
    ],
)
def test_errors_of_steps(
    error: Exception, status: int, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fails, "error", error)
    document = spec(step("fails", "fails", image="$inputs.image"), outputs={"side": "$steps.fails.side"})
    client = create_app(Settings(), served(document)).test_client()
    told = ask(client)
    assert (told.status_code, told.json["error"]["code"]) == (status, code)
    assert message in told.json["error"]["message"] and "secret" not in told.text
    typed = ask(client, path="/endpoints/any/invocations")
    assert (typed.status_code, typed.json["OriginalStatusCode"]) == (424, status)


def test_a_picture_that_cannot_be_read(client: FlaskClient) -> None:
    response = ask(client, b"text")
    assert response.status_code == 415 and response.json["error"]["code"] == "unsupported_media_type"
    assert ask(client, PNG[:-30]).json["error"]["code"] == "bad_image"
    response = ask(client, PNG[:-30], attributes={"on_error": "placeholder"}, accept="image/png")
    assert (response.status_code, response.json["error"]["code"]) == (200, "bad_image")


def test_defaults_of_the_operator() -> None:
    settings = Settings(default_attributes='{"response_type": "png", "confidence": 0.99, "masks": "rle"}')
    client = create_app(settings, served()).test_client()
    assert ask(client).content_type == "image/png"
    assert len(ask(client, accept="application/json").json["found"]["predictions"]) == 2


def test_the_deadline_is_that_of_the_request() -> None:
    client = create_app(Settings(), served(engine=FakeEngine(seconds=0.5), deadline_seconds=0.3)).test_client()
    response = ask(client)
    assert response.status_code == 504 and response.json["error"]["code"] == "deadline_exceeded"


def test_no_pixels_and_no_lease_are_kept() -> None:
    services = served()
    client = create_app(Settings(), services).test_client()
    for body in (PNG, PNG[:-30], npy(GREY, GREY)):
        ask(client, body, content_type="application/x-npy" if body[:1] == b"\x93" else "image/png")
        ask(client, body, accept="image/png", attributes={"times": 11})
    assert services.pipeline.pixels.held == 0
    assert [slot.leases for slot in services.pool.list()] == [0]


def test_a_promptable_model_may_have_one() -> None:
    document = spec(step("side", "side", image="$inputs.image"), outputs={"side": "$steps.side.side"})
    engine = FakePromptEngine()
    assert ask(create_app(Settings(), served(document, engine)).test_client()).json == {"side": 40}
    assert engine.embedded == 0


@pytest.mark.parametrize("path", ["/endpoints/any/invocations", "/endpoints/any/invocations-response-stream"])
def test_the_routes_of_the_runtime(path: str, client: FlaskClient) -> None:
    response = ask(client, path=path, attributes={"times": 2})
    assert response.status_code == 200 and b'"side":80' in response.data
    picture = ask(client, path=path, accept="image/png")
    assert b"\x89PNG" in picture.data


def test_a_router(client: FlaskClient) -> None:
    headers = {"X-Amzn-SageMaker-Routing-Target-Name": "any", "Accept": "application/json"}
    response = client.post("/inference-routers/r/invocations", data=PNG, headers=headers)
    assert response.json["side"] == 40


class Working(FakeLoader):
    """Makes models that have workflows, but those whose name ends in "plain"."""

    def __init__(self) -> None:
        super().__init__()
        self.working: dict[str, FakeEngine] = {}

    def load(self, source: Any, reserve: Any = lambda spec: None) -> Model:
        made = super().load(source, reserve)
        if source.name.endswith("plain"):
            return made
        document = spec(MODEL, outputs={source.name: "$steps.model.predictions"}, inputs=INPUTS)
        engine = FakeEngine(replace(made.engine.spec, workflow=json.dumps(document)))
        self.working[source.name] = engine
        return Model(engine, Dispatcher(engine.predict, 8))


def test_each_model_of_several_has_its_own(tmp_path: Path) -> None:
    for name in ("a", "b", "served", "plain"):
        (tmp_path / "models" / name).mkdir(parents=True)
    loader = Working()
    services = policy_services(Explicit(tmp_path / "models"), loader)
    client = create_app(Settings(multi_model=True, base_dir=str(tmp_path)), services).test_client()
    services.pool.start()
    services.pool.settle()
    for name in ("a", "served", "plain"):  # a model of this name is not what the word means here
        body = {"model_name": name, "url": str(tmp_path / "models" / name)}
        assert client.post("/models", json=body).status_code == 200
    assert len(ask(client, path="/models/a/invoke").json["a"]["predictions"]) == 2
    assert {name: len(engine.asked_for) for name, engine in loader.working.items()} == {"a": 1, "served": 0}
    assert "boxes" in ask(client, path="/models/plain/invoke").json
    headers = {"X-Amzn-SageMaker-Target-Model": "b"}
    assert len(client.post("/endpoints/e/invocations", data=PNG, headers=headers).json["b"]["predictions"]) == 2


COUNT = spec(step("side", "side", image="$inputs.image"), outputs={"named": "$steps.side.side"})


def test_a_named_workflow_goes_before_that_of_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "count.json").write_text(json.dumps({"workflow": {"specification": COUNT}}))
    settings = Settings(workflows=str(tmp_path), invoke_workflow="count")
    client = create_app(settings, served()).test_client()
    assert ask(client).json == {"named": 40}
    (tmp_path / "count.json").write_text(json.dumps(COUNT | {"steps": []}))
    response = ask(client)
    assert response.status_code == 400 and "count.json: output 'named'" in response.json["error"]["message"]


TWO = spec(inputs=[{"type": "WorkflowImage", "name": name} for name in "ab"])
TAKEN = spec(inputs=[INPUTS[0], {"type": "WorkflowParameter", "name": "on_error"}])
LIST = spec(inputs=[INPUTS[0], {"type": "WorkflowBatchInput", "name": "points", "kind": ["list_of_values"]}])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (TWO, "2 of its inputs are pictures (a, b), and an invocation has one"),
        (spec(inputs=[{"type": "WorkflowParameter", "name": "a"}]), "0 of its inputs are pictures, and"),
        (TAKEN, "its parameter 'on_error' has the name of an option that every invocation has"),
        (LIST, "its input 'points' is a list, and an invocation has one picture and parameters"),
        (spec(step("unheard_of", "x")), "x: type is 'test/unheard_of@v1'; it takes one of"),
    ],
)
def test_what_cannot_be_invoked_is_told_at_the_start(document: Any, reason: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match="^MASKSERVE_INVOKE_WORKFLOW is 'w': ") as caught:
        create_app(Settings(workflows=str(tmp_path), invoke_workflow="w"), served())
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_a_name_that_is_none() -> None:
    with pytest.raises(ValueError, match="MASKSERVE_INVOKE_WORKFLOW is 'none': there is no workflow 'none'"):
        create_app(Settings(invoke_workflow="none"), served())


def test_an_asynchronous_invocation(tmp_path: Path) -> None:
    services = served(max_body_bytes=200_000)
    client = create_app(Settings(local_s3=str(tmp_path), async_output="s3://out"), services).test_client()
    accepted = ask(client, path="/endpoints/any/async-invocations", attributes={"times": 2})
    place, end = tmp_path / accepted.headers["X-Amzn-SageMaker-OutputLocation"][len("s3://") :], time.monotonic() + 10
    while not place.exists():
        assert time.monotonic() < end, list(tmp_path.rglob("*"))
        time.sleep(0.01)
    services.draining.set()
    assert json.loads(place.read_bytes())["side"] == 80
