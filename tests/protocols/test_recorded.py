"""What is recorded of each route: the model's objects under the reference of the picture, and metrics of them."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import encode
from tests.fakes import FakeEngine, FakeLoader, started
from tests.protocols.nucleus.conftest import Api
from tests.service.recorders import ATTRIBUTES, Recorded, recorded

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
BASE64 = base64.b64encode(PNG).decode()
NAMED = {ATTRIBUTES: '{"reference_id": "street 1"}'}
V1 = {"model_id": "fake/1", "image": {"type": "base64", "value": BASE64}}
SESSION = "X-Amzn-SageMaker-Session-Id"
ID = "X-Request-Id"

HORSE = {
    "type": "box",
    "annotation_id": "box 0",
    "geometry": {"x": 0.0, "y": 0.0, "width": 20.0, "height": 30.0},
    "label": "horse",
    "confidence": 0.9975,
    "metadata": {},
    "reference_id": "street 1",
}
OUTLINE = {
    **HORSE,
    "type": "polygon",
    "annotation_id": "outline 0",
    "geometry": {"vertices": [{"x": x, "y": y} for x, y in ((1, 0), (1, 29), (19, 29), (19, 0))]},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """One server for all routes; what a test has recorded it looks for by its own references."""
    folder = tmp_path_factory.mktemp("recorded")
    with recorded(folder / "store", local_s3=str(folder), async_output="s3://results/out") as one:
        yield one


def asynchronous(served: Recorded) -> None:
    answer = served.client.post("/endpoints/any/async-invocations", data=PNG, headers={ID: "a-1"})
    end = time.monotonic() + 10
    while served.client.get(f"/async/{answer.json['InferenceId']}").json["State"] != "Completed":
        assert time.monotonic() < end
        time.sleep(0.01)


def session(served: Recorded) -> None:
    """The second answer is that of the first one's predictions."""
    answer = served.client.post("/invocations", data=PNG, headers={SESSION: "NEW_SESSION", ID: "s-1"})
    name = answer.headers["X-Amzn-SageMaker-New-Session-Id"].split(";")[0]
    headers = {SESSION: name, "Accept": "image/png", ID: "s-2"}
    assert served.client.post("/invocations", headers=headers).status_code == 200


def post(route: str, headers: dict[str, str] | None = None, **more: Any) -> Callable[[Recorded], None]:
    def ask(served: Recorded) -> None:
        answer = served.client.post(route, headers=headers, **({"data": PNG} if "json" not in more else {}), **more)
        assert answer.status_code == 200, answer.text
        assert answer.data  # of a stream, all of it

    return ask


@pytest.mark.parametrize(
    ("ask", "references"),
    [
        (post("/invocations", NAMED), ["street 1"]),
        (post("/invocations?reference_id=in+the+query"), ["in the query"]),
        (post("/invocations", {ID: "r-1", "Accept": "image/png"}), ["r-1"]),
        (post("/invocations", {ID: "r-2", "Accept": "application/jsonlines"}), ["r-2"]),
        (post("/invocations", {ID: "r-3"}, json={"instances": [{"b64": BASE64}] * 3}), ["r-3", "r-3/1", "r-3/2"]),
        (post("/endpoints/any/invocations", {ID: "r-4"}), ["r-4"]),
        (post("/endpoints/any/invocations-response-stream", {ID: "r-5", "Accept": "application/jsonlines"}), ["r-5"]),
        (asynchronous, ["a-1"]),
        (session, ["s-1"]),
        (post("/infer/instance_segmentation", {ID: "v-1"}, json=V1), ["v-1"]),
        (post("/infer/object_detection", json={**V1, "id": "v 2"}), ["v 2"]),
        (post("/infer/object_detection", json={**V1, "image": [V1["image"]] * 2, "id": "v3"}), ["v3", "v3/1"]),
        (post("/infer/object_detection", {ID: "v-4"}, json={**V1, "id": "\ud800"}), ["v-4"]),
        (post("/fake/1", {ID: "v-5"}), ["v-5"]),
    ],
)
def test_a_route(served: Recorded, ask: Callable[[Recorded], None], references: list[str]) -> None:
    before = {*served.references()} if served.recorder._runs else set()
    ask(served)
    (of_run,) = served.found().values()
    assert [name for name in of_run if name not in before] == references
    for name in references:
        assert {row["label"] for row in of_run[name] if row["type"] == "box"} == {"horse", "person"}


def test_objects_are_those_of_the_answer(served: Recorded) -> None:
    answer = served.invoke(PNG, "street 1", confidence=0.9, scores=True)
    (of_run,) = served.found().values()
    assert of_run["street 1"] == [HORSE, OUTLINE]
    assert answer["scores"] == [HORSE["confidence"]]


@pytest.mark.parametrize("reference", ["x" * 201, "a\nb", "\ud800", 7])
def test_a_wrong_reference(served: Recorded, reference: object) -> None:
    headers = {ATTRIBUTES: json.dumps({"reference_id": reference})}
    answer = served.client.post("/invocations", data=PNG, headers=headers)
    assert answer.status_code == 400
    assert "it takes a text of up to 200 characters" in answer.json["error"]["message"]


def test_errors_are_not_recorded(served: Recorded) -> None:
    before = served.references()
    assert served.client.post("/invocations", data=b"none").status_code == 415
    assert (
        served.client.post("/invocations", data=PNG, headers={ATTRIBUTES: '{"max_detections": 0}'}).status_code == 400
    )
    assert served.references() == before


def test_models_of_a_multi_model_endpoint_have_runs_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "models" / name).mkdir(parents=True)
    with recorded(tmp_path / "store", services=started(tmp_path / "models", FakeLoader())) as served:
        for name in ("a", "b"):
            loaded = {"model_name": name, "url": str(tmp_path / "models" / name)}
            assert served.client.post("/models", json=loaded).status_code == 200
            post(f"/models/{name}/invoke", {ID: f"of-{name}"})(served)
        found = served.found()
    assert {run: [name for name, rows in of_run.items() if rows] for run, of_run in found.items()} == {
        "a": ["of-a"],
        "b": ["of-b"],
    }


def test_truth_that_is_sent_later_measures_what_was_served(tmp_path: Path) -> None:
    """Of three pictures two have truth: a horse that was found, and a person that was called a horse.

    Nobody has looked at the third one, which says nothing.
    """
    with recorded(tmp_path / "store", FakeEngine()) as served:
        for number in "123":
            served.invoke(PNG, f"street {number}", confidence=0.9)
        served.settle()
        api = Api(served.client)
        (dataset,) = api.get("dataset/")
        (run,) = api.get(f"dataset/{dataset}/info")["model_run_ids"]
        truth = [
            {"type": "box", "label": label, "geometry": HORSE["geometry"], "reference_id": name, "annotation_id": name}
            for name, label in (("street 1", "horse"), ("street 2", "person"))
        ]
        assert api.post(f"dataset/{dataset}/annotate", annotations=truth)["annotations_processed"] == 2
        api.post(f"modelRun/{run}/commit")
        end = time.monotonic() + 30
        while api.get(f"modelRun/{run}/info")["status"] not in ("Completed", "Failed"):
            assert time.monotonic() < end
            time.sleep(0.05)
        figures = api.get(f"modelRun/{run}/metrics")
    assert figures["counts"] == {"tp": 1, "fp": 1, "fn": 1}
    of_class = {one["label"]: one["ap50"] for one in figures["per_class"]}
    assert of_class == {"horse": pytest.approx(1), "person": 0}
