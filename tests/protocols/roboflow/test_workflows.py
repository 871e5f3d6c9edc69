"""The routes of workflows, with small blocks and the fake model: what is sent, what is answered, and every error."""

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.errors import BadRequest, ModelNotFound, NotOffered, Overloaded
from container.settings import Settings
from container.workflows.manifest import blocks
from tests.conftest import encode, pixels_of
from tests.fakes import FakeEngine, ready_services
from tests.protocols.roboflow.conftest import as_value
from tests.workflows.small_blocks import Fails, First, Gate, Halves, Side, Sum, spec, step

KEY = "a-secret-key"
PICTURE = as_value(encode(np.zeros((4, 8, 3), np.uint8)))
SIDE = step("side", "side", image="$inputs.image")
MEASURE = spec(SIDE, outputs={"side": "$steps.side.side", "image": "$steps.side.image"})


class Sleeps(Side):
    """Takes its time."""

    ids = ("test/sleeps@v1",)

    def run(self, row: Any, step: Any) -> Any:
        time.sleep(0.3)
        step.check()
        return super().run(row, step)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.load()
    for block in (Side(), Halves(), Sum(), Gate(), First(), Fails(), Sleeps()):
        for name in block.ids:
            monkeypatch.setitem(blocks, name, block)


MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make(tmp_path: Path) -> MakeClient:
    """Makes clients of servers with the workflows `measure`, `measure@2` and `broken`."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "measure.json").write_text(json.dumps(MEASURE))
    (folder / "measure@2.json").write_text(json.dumps(spec(SIDE, outputs={"second": "$steps.side.side"})))
    (folder / "broken.json").write_text('{"version": "1.0"}')

    def make(deadline_seconds: float = 20.0, **settings: Any) -> FlaskClient:
        services = ready_services(FakeEngine(), deadline_seconds=deadline_seconds)
        return create_app(Settings(workflows=str(folder), **settings), services).test_client()

    return make


@pytest.fixture
def client(make: MakeClient) -> FlaskClient:
    return make()


def body(document: Any = MEASURE, image: Any = PICTURE, **more: Any) -> dict[str, Any]:
    return {"specification": document, "inputs": {"image": image}, **more}


def outputs(response: Any) -> Any:
    assert response.status_code == 200, response.json
    assert response.json.keys() == {"outputs", "profiler_trace"}
    return response.json["outputs"]


@pytest.mark.parametrize("path", ["/workflows/run", "/infer/workflows", "//workflows/run", "/workflows/run/"])
def test_a_specification_is_run(client: FlaskClient, path: str) -> None:
    as_sent = {"PATH_INFO": path}
    (result,) = outputs(client.post("/", json=body(), environ_overrides=as_sent))
    assert result["side"] == 8
    assert result["image"]["type"] == "base64"
    results = outputs(client.post("/", json=body(image=[PICTURE] * 3), environ_overrides=as_sent))
    assert [one["side"] for one in results] == [8, 8, 8]


@pytest.mark.parametrize(
    "path", ["/any/workflows/measure", "/infer/workflows/any/measure", "/local/workflows/measure/"]
)
@pytest.mark.parametrize(
    ("version", "names"),
    [
        ({}, "image side"),
        ({"workflow_version_id": "2"}, "second"),
        ({"workflow_version_id": "9"}, "image side"),
        ({"workflow_version_id": None}, "image side"),
    ],
)
def test_a_named_workflow_is_run(client: FlaskClient, path: str, version: dict[str, Any], names: str) -> None:
    (result,) = outputs(client.post(path, json={"inputs": {"image": PICTURE}, "use_cache": True, **version}))
    assert sorted(result) == names.split()


# Grey squares, which JPEG hardly changes.
SQUARES = np.repeat((np.indices((120, 160)) // 8).sum(axis=0)[:, :, None] % 2 * 160 + 48, 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "sent", "classes", "changed"),
    [
        ("count-objects", {}, ["horse", "person"], (True, True)),
        ("count-objects", {"confidence": 0.9}, ["horse"], (True, False)),
        ("count-objects", {"confidence": 1, "model_id": "fake/1"}, [], (False, False)),
        ("blur-people", {}, ["person"], (False, True)),
        ("blur-people", {"confidence": 0.9}, [], (False, False)),
    ],
)
def test_the_built_in_workflows(name: str, sent: Any, classes: list[str], changed: tuple[bool, bool]) -> None:
    """The fake model finds a horse on the left and a person on the right; a picture alone suffices."""
    client = create_app(Settings(), ready_services(FakeEngine())).test_client()
    asked = {"inputs": {"image": as_value(encode(SQUARES)), **sent}}
    (result,) = outputs(client.post(f"/any/workflows/{name}", json=asked))
    assert [*result] == ["count_objects", "output_image", "predictions"]
    assert result["count_objects"] == len(classes)
    assert [one["class"] for one in result["predictions"]["predictions"]] == classes
    drawn = pixels_of(base64.b64decode(result["output_image"]["value"])).astype(int)
    assert drawn.shape == SQUARES.shape
    differs = np.abs(drawn - SQUARES).max(axis=2) > 40
    assert (differs[:, :70].any(), differs[:, 90:].any()) == changed


def test_a_changed_file_counts_whatever_the_cache(client: FlaskClient, tmp_path: Path) -> None:
    asked = {"inputs": {"image": PICTURE}, "use_cache": True}
    assert sorted(outputs(client.post("/w/workflows/measure", json=asked))[0]) == ["image", "side"]
    changed = spec(SIDE, outputs={"new": "$steps.side.side"})
    (tmp_path / "workflows" / "measure.json").write_text(json.dumps(changed))
    assert outputs(client.post("/w/workflows/measure", json=asked)) == [{"new": 8}]


def test_members_that_change_nothing(client: FlaskClient) -> None:
    more = {
        "disable_sinks": True,
        "is_preview": True,
        "debug": True,
        "use_cache": False,
        "workflow_id": "x",
        "api_key": None,
        "unknown": {"a": 1},
        "excluded_fields": None,
        "enable_profiling": None,
    }
    assert outputs(client.post("/workflows/run", json=body(**more)))[0]["side"] == 8


def test_excluded_fields(client: FlaskClient) -> None:
    response = client.post("/workflows/run", json=body(excluded_fields=["image", "unknown"]))
    assert outputs(response) == [{"side": 8}]


def test_no_outputs(client: FlaskClient) -> None:
    assert outputs(client.post("/workflows/run", json=body(spec(SIDE)))) == [{}]


@pytest.mark.parametrize(
    ("allowed", "asked", "traced"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_profiling(make: MakeClient, allowed: bool, asked: bool, traced: bool) -> None:
    client = make(workflows_profiling=allowed)
    trace = client.post("/workflows/run", json=body(enable_profiling=asked)).json["profiler_trace"]
    if not traced:
        assert trace == []
        return
    for name in ("workflow_compilation", "workflow_run", "side"):
        assert [event["ph"] for event in trace if event["name"] == name] == ["B", "E"]
    assert all({"name", "ph", "ts", "pid", "tid"} <= event.keys() for event in trace)


@pytest.mark.parametrize(
    ("path", "json", "message"),
    [
        ("/workflows/run", {"inputs": {}}, "specification of the JSON body is missing; it takes an object"),
        ("/workflows/run", {"specification": MEASURE}, "inputs of the JSON body is missing; it takes an object"),
        ("/workflows/run", {"specification": [], "inputs": {}}, "specification of the JSON body is []"),
        ("/workflows/run", body(excluded_fields="image"), "excluded_fields of the JSON body is 'image'"),
        ("/workflows/run", body(excluded_fields=[1]), "excluded_fields of the JSON body takes names of outputs"),
        ("/workflows/run", body(enable_profiling="yes"), "enable_profiling of the JSON body is 'yes'"),
        ("/a/workflows/measure", {}, "inputs of the JSON body is missing"),
        ("/a/workflows/measure", {"inputs": 3}, "inputs of the JSON body is 3; it takes an object"),
        ("/a/workflows/measure", {"inputs": {}, "workflow_version_id": 2}, "workflow_version_id of the JSON body is 2"),
        ("/workflows/describe_interface", {}, "specification of the JSON body is missing"),
    ],
)
def test_what_is_missing_or_of_another_type(client: FlaskClient, path: str, json: Any, message: str) -> None:
    response = client.post(path, json=json)
    assert response.status_code == 422
    assert response.json["message"].startswith(message)
    assert response.json["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize("path", ["/workflows/run", "/a/workflows/measure", "/workflows/validate"])
@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"7"])
def test_a_body_that_is_no_object(client: FlaskClient, path: str, data: bytes) -> None:
    response = client.post(path, data=data, content_type="application/json")
    assert response.status_code == 400
    assert isinstance(response.json["message"], str)


PARSING = "workflow_compilation | workflow_definition_parsing"
GRAPH = "workflow_compilation | execution_graph_construction"
CHECKS = "workflow_compilation | specification_validation"
ENGINE = "workflow_compilation | engine_initialisation"
INPUT = "workflow_execution | runtime_input_validation"
STEP = "workflow_execution | step_execution"


@pytest.mark.parametrize(
    ("document", "error", "context", "block"),
    [
        ({"version": "1.0"}, "WorkflowSyntaxError", PARSING, None),
        (
            spec(step("side", "s", image="$inputs.image", times=99)),
            "WorkflowSyntaxError",
            PARSING,
            {"block_id": "s", "block_type": "test/side@v1", "property_name": "times"},
        ),
        (
            spec({"type": "none", "name": "s"}),
            "WorkflowSyntaxError",
            PARSING,
            {"block_id": "s", "block_type": "none", "property_name": "type"},
        ),
        (spec(SIDE, SIDE), "DuplicatedNameError", CHECKS, None),
        (spec(SIDE) | {"version": "2.0"}, "NotSupportedExecutionEngineError", ENGINE, None),
        (spec(SIDE) | {"version": "abc"}, "WorkflowDefinitionError", ENGINE, None),
        (
            spec(SIDE, outputs={"o": "$steps.none.x"}),
            "InvalidReferenceTargetError",
            GRAPH,
            {"block_id": "$outputs", "block_type": "JsonField", "property_name": "o"},
        ),
        (
            spec(SIDE, step("side", "two", image="$steps.side.side")),
            "ReferenceTypeError",
            GRAPH,
            {"block_id": "two", "block_type": "test/side@v1", "property_name": "image"},
        ),
        (
            spec(step("side", "s", image="$steps.s.image")),
            "ExecutionGraphStructureError",
            GRAPH,
            {"block_id": "s", "block_type": "test/side@v1"},
        ),
        (
            spec(
                step("halves", "h", image="$inputs.image"), step("first", "f", data=["$inputs.image", "$steps.h.crops"])
            ),
            "StepInputDimensionalityError",
            GRAPH,
            {"block_id": "f", "block_type": "test/first@v1", "property_name": "data"},
        ),
        (
            spec(step("side", "s", image="$inputs.image", times="$inputs.times")),
            "RuntimeInputError",
            INPUT,
            {"block_id": "s", "block_type": "test/side@v1", "property_name": "times"},
        ),
    ],
)
def test_errors_of_specifications_and_inputs(
    client: FlaskClient, document: Any, error: str, context: str, block: dict[str, str] | None
) -> None:
    """There is no member without a value: the client would show it."""
    response = client.post("/workflows/run", json=body(document))
    told = response.json
    assert response.status_code == 400
    assert (told["error_type"], told["context"], told["code"]) == (error, context, "workflow")
    assert {*told} - {"blocks_errors"} == {"message", "error_type", "context", "code", "request_id"}
    assert ("blocks_errors" in told) == (block is not None)
    if block is not None:
        first = told["blocks_errors"][0]
        assert block.items() <= first.items()
        assert all(first.values())


@pytest.mark.parametrize(
    ("error", "status", "kind", "message"),
    [
        (
            ModelNotFound("there is no model 'x'"),
            404,
            "ClientCausedStepExecutionError",
            "step 'f': there is no model 'x'",
        ),
        (BadRequest("it is bad"), 400, "ClientCausedStepExecutionError", "step 'f': it is bad"),
        (NotOffered("no weights"), 501, "ClientCausedStepExecutionError", "step 'f': no weights"),
        (ValueError("secret"), 500, "StepExecutionError", "step 'f': it failed unexpectedly"),
        (Overloaded("full"), 503, None, "step 'f': full"),
    ],
)
def test_errors_of_steps(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, kind: str | None, message: str
) -> None:
    monkeypatch.setattr(Fails, "error", error)
    response = client.post("/workflows/run", json=body(spec(step("fails", "f", image="$inputs.image"))))
    told = response.json
    assert response.status_code == status
    assert told["message"] == message
    assert told.get("error_type") == kind
    assert "secret" not in response.text and "Traceback" not in response.text
    if kind:
        assert told["context"] == STEP
        assert told["blocks_errors"][0]["block_id"] == "f"
        assert told["blocks_errors"][0]["block_type"] == "test/fails@v1"
    else:
        assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["/workflows/run", "/infer/workflows"])
def test_the_deadline_is_a_504(make: MakeClient, path: str) -> None:
    document = spec(step("sleeps", "slow", image="$inputs.image"), outputs={"o": "$steps.slow.side"})
    response = make(deadline_seconds=0.2).post(path, json=body(document))
    assert response.status_code == 504
    assert response.json["message"].startswith("step 'slow': the deadline passed")


def test_an_unknown_workflow(client: FlaskClient) -> None:
    for path in ("/a/workflows/none", "/infer/workflows/a/none", "/a/workflows/none/describe_interface"):
        response = client.post(path, json={"inputs": {}})
        assert response.status_code == 404
        assert response.json["message"].startswith("there is no workflow 'none'; there are: blur-people, broken,")
    response = client.post("/a/workflows/%2E%2E%2Foutside", json={"inputs": {}})
    assert response.status_code == 404


def test_a_broken_workflow(client: FlaskClient) -> None:
    response = client.post("/a/workflows/broken", json={"inputs": {}})
    assert response.status_code == 400
    assert response.json["message"] == "broken.json: the specification lacks inputs, steps, outputs"
    assert response.json["error_type"] == "WorkflowSyntaxError"


def test_the_list(client: FlaskClient) -> None:
    rows = {row["name"]: row for row in client.get("/workflows").json["workflows"]}
    assert [*rows] == ["blur-people", "broken", "count-objects", "measure"]
    assert rows["measure"] == {
        "name": "measure",
        "inputs": {"image": ["image"], "times": ["*"]},
        "defaults": {"times": None},
        "outputs": {"side": ["integer"], "image": ["image"]},
    }
    assert rows["count-objects"]["defaults"] == {"model_id": "served", "confidence": 0.4}
    assert rows["broken"]["error"].startswith("broken.json: the specification lacks")


def test_validation(client: FlaskClient) -> None:
    assert client.post("/workflows/validate", json=MEASURE).json == {"status": "ok"}
    response = client.post("/workflows/validate", json=MEASURE | {"steps": []})
    assert response.status_code == 400
    assert response.json["error_type"] == "InvalidReferenceTargetError"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"execution_engine_version": "1.0.0"}',
        b'{"execution_engine_version": [1]}',
        b'{"dynamic_blocks_definitions": [7]}',
    ],
)
def test_blocks_are_described_whatever_is_sent(client: FlaskClient, body: bytes) -> None:
    told = client.post("/workflows/blocks/describe", data=body, content_type="application/json")
    assert told.status_code == 200
    assert told.json == client.get("/workflows/blocks/describe").json
    assert "test/side@v1" in {one["manifest_type_identifier"] for one in told.json["blocks"]}


def test_no_blocks_of_another_engine(client: FlaskClient) -> None:
    assert client.post("/workflows/blocks/describe", json={"execution_engine_version": "2.0"}).json["blocks"] == []


def test_descriptions(client: FlaskClient) -> None:
    assert client.get("/workflows/execution_engine/versions").json == {"versions": ["1.17.0"]}
    assert client.get("/workflows/definition/schema").json["schema"]["type"] == "object"
    by_name = client.post("/a/workflows/measure/describe_interface", json={"api_key": "x"}).json
    assert by_name == client.post("/workflows/describe_interface", json={"specification": MEASURE}).json
    assert by_name["outputs"] == {"side": ["integer"], "image": ["image"]}
    second = client.post("/a/workflows/measure/describe_interface", json={"workflow_version_id": "2"}).json
    assert second["outputs"] == {"second": ["integer"]}
    found = client.post("/workflows/blocks/dynamic_outputs", json=SIDE).json
    assert [one["name"] for one in found] == ["side", "image"]
    assert client.post("/workflows/blocks/dynamic_outputs", json={"type": "none"}).status_code == 400


def test_keys_in_the_body(make: MakeClient) -> None:
    client = make(api_key=KEY)
    for path, sent in (
        ("/workflows/run", body()),
        ("/a/workflows/measure", {"inputs": {"image": PICTURE}}),
        ("/infer/workflows", body()),
        ("/infer/workflows/a/measure", {"inputs": {"image": PICTURE}}),
        ("/workflows/blocks/describe", {}),
        ("/workflows/describe_interface", {"specification": MEASURE}),
        ("/a/workflows/measure/describe_interface", {}),
        ("/workflows/blocks/dynamic_outputs", SIDE),
    ):
        assert client.post(path, json=sent).status_code == 401
        assert client.post(path, json=sent | {"api_key": KEY}).status_code == 200
    assert client.get("/workflows").status_code == 401


def test_limits_of_bodies(make: MakeClient) -> None:
    client = make(max_payload_mb=0.001)  # of which JSON bodies have twice as much
    small = body(excluded_fields=["image"])
    large = small | {"more": "x" * 2000}
    for path in ("/workflows/run", "/infer/workflows", "/a/workflows/measure", "/infer/workflows/a/measure"):
        assert client.post(path, json=small).status_code == 200
        assert client.post(path, json=large).status_code == 413


def test_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.post("/a/workflows/measure", json={"inputs": {"image": [PICTURE] * 2}, "api_key": "sesame-open"})
    client.post("/workflows/run", json=body(spec(step("fails", "f", image="$inputs.image"))))
    first, second = (record.fields for record in caplog.records if record.name == "maskserve.request")
    assert (first["workflow"], first["steps"], first["pictures"]) == ("measure", 1, 2)
    assert {"decode", "encode"} <= first["stages_ms"].keys()
    assert "sesame" not in str(first)
    assert "workflow" not in second and second["steps"] == 1
    assert second["code"] == "workflow" and second["error"].startswith("step 'f'")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="^MASKSERVE_WORKFLOWS is '.*/none', which is no folder that can be read: No such file"
    ):
        create_app(Settings(workflows=str(tmp_path / "none")), ready_services(FakeEngine()))
