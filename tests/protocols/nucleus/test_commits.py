"""Commits of runs over the routes: pairs, rows by mode, figures, staleness, and what is refused."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from container.store import evaluations, runs
from container.store.store import Store
from container.store.tables import evaluation, evaluation_part, match
from tests.protocols.nucleus.conftest import Api, application, box, roomy_store


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application for all of these tests, whose process that compares stays warm."""
    with pytest.MonkeyPatch.context() as patch:
        with application(roomy_store(tmp_path_factory.mktemp("store"), patch)) as api:
            yield api


def placed(reference_id: str, name: str, label: str, x: float, confidence: float | None = None) -> dict[str, Any]:
    """A box of 10 × 10 pixels at x."""
    said = {} if confidence is None else {"confidence": confidence}
    return box(reference_id, name, label=label, geometry={"x": x, "y": 0, "width": 10, "height": 10}, **said)


@pytest.fixture
def filled(api: Api, dataset: str, run: str) -> None:
    """Truth and predictions: a car found, a bus taken for a car, a car far from its prediction."""
    truth = [placed("1", "g1", "car", 0), placed("1", "g2", "bus", 100), placed("2", "g3", "car", 0)]
    found = [placed("1", "p1", "car", 1, 0.9), placed("1", "p2", "car", 101, 0.8), placed("2", "p3", "car", 50, 0.7)]
    api.post(f"dataset/{dataset}/annotate", annotations=truth)
    api.post(f"modelRun/{run}/predict", annotations=found)


def rows(api: Api, dataset: str, run: str, mode: str) -> list[tuple[Any, ...]]:
    """The rows of a mode over all pages: ids, labels, IoU, whether right."""
    found: list[dict[str, Any]] = []
    token = None
    while True:
        page = api.post(f"dataset/{dataset}/queryObjectsPage", patch_mode=mode, model_run_id=run, pageToken=token)
        found += page["items"]
        token = page["nextPageToken"]
        if token is None:
            break
    return [
        (
            row["model_prediction_id"],
            row["ground_truth_annotation_id"],
            row["model_prediction_label"],
            row["ground_truth_annotation_label"],
            row["iou"],
            row["true_positive"],
        )
        for row in found
    ]


NEAR = 9 / 11  # of two boxes of 10 × 10, one pixel apart
RIGHT = ("p1", "g1", "car", "car", NEAR, True)
ALLOWED = [{"ground_truth_label": "bus", "model_prediction_label": "car"}]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("config", "pairs", "false_positives", "false_negatives"),
    [
        pytest.param(
            {},
            [RIGHT, ("p2", "g2", "car", "bus", NEAR, False)],
            [("p2", "g2", "car", "bus", NEAR, False), ("p3", None, "car", None, 0, False)],
            [(None, "g3", None, "car", 0, False)],
            id="agnostic",
        ),
        pytest.param(
            {"class_agnostic": False},
            [RIGHT],
            [("p2", None, "car", None, 0, False), ("p3", None, "car", None, 0, False)],
            [(None, "g2", None, "bus", 0, False), (None, "g3", None, "car", 0, False)],
            id="labels",
        ),
        pytest.param(
            {"class_agnostic": True, "allowed_label_matches": ALLOWED},
            [RIGHT, ("p2", "g2", "car", "bus", NEAR, True)],
            [("p3", None, "car", None, 0, False)],
            [(None, "g3", None, "car", 0, False)],
            id="allowed",
        ),
    ],
)
def test_rows_of_three_configs(
    api: Api, dataset: str, run: str, config: dict[str, Any], pairs: Any, false_positives: Any, false_negatives: Any
) -> None:
    assert api.post(f"modelRun/{run}/commit", **config) == {"model_run_id": run}
    assert rows(api, dataset, run, "iou") == pairs
    assert rows(api, dataset, run, "false_positive") == false_positives
    assert rows(api, dataset, run, "false_negative") == false_negatives


@pytest.mark.usefixtures("filled")
def test_pages_of_long_rows_are_short(api: Api, dataset: str, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api.post(f"modelRun/{run}/commit")
    at_once = rows(api, dataset, run, "false_positive")
    monkeypatch.setattr(evaluations, "READ", 0)
    page = api.post(f"dataset/{dataset}/queryObjectsPage", patch_mode="false_positive", model_run_id=run)
    assert len(page["items"]) < len(at_once) and page["nextPageToken"]
    assert rows(api, dataset, run, "false_positive") == at_once


@pytest.mark.usefixtures("filled")
def test_a_run_goes_from_created_to_completed_and_becomes_stale(api: Api, dataset: str, model: str, run: str) -> None:
    other = api.post(f"dataset/{dataset}/modelRun/create", name="other", reference_id="net-1")["model_run_id"]
    states = [api.get(f"modelRun/{run}/info")]
    api.post(f"modelRun/{run}/commit")
    states.append(api.get(f"modelRun/{run}/info"))
    api.post(f"modelRun/{other}/predict", annotations=[placed("1", "q", "car", 0)])  # of another run
    states.append(api.get(f"modelRun/{run}/info"))
    api.post(f"modelRun/{run}/predict", annotations=[placed("2", "p4", "car", 0, 0.5)])
    states.append(api.get(f"modelRun/{run}/info"))
    assert [(one["status"], one["stale"]) for one in states] == [
        ("Created", False),
        ("Completed", False),
        ("Completed", False),
        ("Completed", True),
    ]
    assert ("p3", None, "car", None, 0, False) in rows(api, dataset, run, "false_positive")  # the rows stay
    api.post(f"modelRun/{run}/commit")
    assert not api.get(f"modelRun/{run}/info")["stale"]
    assert ("p4", "g3", "car", "car", 1, True) in rows(api, dataset, run, "iou")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("change", ["truth", "no truth", "item", "no item"])
def test_truth_that_changes_makes_a_commit_stale(api: Api, dataset: str, run: str, change: str) -> None:
    api.post(f"modelRun/{run}/commit")
    if change == "truth":
        api.post(f"dataset/{dataset}/annotate", annotations=[placed("2", "g4", "car", 0)])
    elif change == "no truth":
        api.finish(api.delete(f"annotation/{dataset}", reference_ids=["1"], keep_history=False))
    elif change == "item":
        api.post(f"dataset/{dataset}/append", items=[{"reference_id": "3", "image_url": "s3://b/3", "metadata": {}}])
    else:
        api.delete(f"dataset/{dataset}/refloc/1")
    assert api.get(f"modelRun/{run}/info")["stale"]
    api.post(f"modelRun/{run}/commit")
    assert not api.get(f"modelRun/{run}/info")["stale"]


@pytest.mark.usefixtures("filled")
def test_the_same_commit_again_changes_nothing(api: Api, dataset: str, run: str) -> None:
    api.post(f"modelRun/{run}/commit")
    jobs = len(api.post("jobs", show_completed=True))
    first = rows(api, dataset, run, "iou")
    assert api.post(f"modelRun/{run}/commit", class_agnostic=True, allowed_label_matches=[]) == {"model_run_id": run}
    assert len(api.post("jobs", show_completed=True)) == jobs
    assert rows(api, dataset, run, "iou") == first


@pytest.mark.usefixtures("filled")
def test_counts_add_up(api: Api, dataset: str, run: str) -> None:
    api.post(f"modelRun/{run}/commit")
    matches = api.get(f"modelRun/{run}/info")["matches"]
    pairs = matches["true_positives"] + matches["pairs_that_do_not_fit"]
    assert matches["predictions"] == pairs + matches["predictions_alone"] == 3
    assert matches["truth"] == pairs + matches["truth_alone"] == 3


@pytest.mark.usefixtures("filled")
def test_figures_name_what_they_are_of(api: Api, dataset: str, run: str) -> None:
    api.post(f"modelRun/{run}/commit", allowed_label_matches=ALLOWED)
    figures = api.get(f"modelRun/{run}/metrics")
    assert figures["iou_type"] == "bbox"
    assert figures["counts"] == {"tp": 1, "fp": 2, "fn": 2}  # every car that is predicted counts as a bus
    assert figures["counted_as"] == {"truth": {}, "predictions": {"car": "bus"}}
    assert figures["config"]["allowed"] == [["bus", "car"]] and figures["version"]
    assert set(figures["data_revision"]) == {dataset, run}
    assert api.get(f"modelRun/{run}/metrics?iou_type=segm")["stats"]["AP"] is None
    assert "takes bbox or segm" in api.error(400, "GET", f"modelRun/{run}/metrics?iou_type=mask")


@pytest.mark.usefixtures("filled")
def test_figures_take_one_label_for_each_prediction(api: Api, run: str) -> None:
    two = [*ALLOWED, {"ground_truth_label": "van", "model_prediction_label": "car"}]
    api.post(f"modelRun/{run}/commit", allowed_label_matches=two)  # pairs may
    assert "one label" in api.error(400, "GET", f"modelRun/{run}/metrics")


@pytest.mark.usefixtures("filled")
def test_metrics_of_a_model_without_a_run(api: Api, dataset: str, model: str) -> None:
    route = f"dataset/{dataset}/model/{model}"
    api.post(f"{route}/uploadPredictions", annotations=[placed("1", "p", "car", 0, 0.5)])
    done = api.finish(api.post(f"{route}/calculateEvaluationMetrics"))
    assert done["status"] == "Completed" and done["message"]["evaluation"]["true_positives"] == 1
    again = api.finish(api.post(f"{route}/calculateEvaluationMetrics", class_agnostic=True))
    assert again["message"] == {"evaluation": "unchanged"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"class_agnostic": "no"}, "class_agnostic"),
        ({"class_agnostic": 1}, "class_agnostic"),
        ({"iou_threshold": 0.5}, "iou_threshold"),
        ({"allowed_label_matches": {}}, "allowed_label_matches"),
        ({"allowed_label_matches": ["car"]}, "allowed_label_matches"),
        ({"allowed_label_matches": [{"ground_truth_label": "car"}]}, "model_prediction_label"),
        ({"allowed_label_matches": [{"ground_truth_label": "car", "model_prediction_label": 3}]}, "3"),
        ({"allowed_label_matches": [{**ALLOWED[0], "iou": 1}]}, "iou"),
    ],
)
def test_what_no_commit_takes(api: Api, dataset: str, model: str, run: str, body: dict[str, Any], says: str) -> None:
    for route in (f"modelRun/{run}/commit", f"dataset/{dataset}/model/{model}/calculateEvaluationMetrics"):
        assert says in api.error(400, "POST", route, body)
    assert api.get(f"modelRun/{run}/info")["status"] == "Created"


def test_matches_need_a_commit(api: Api, dataset: str, run: str) -> None:
    for mode in ("iou", "false_positive", "false_negative"):
        body = {"patch_mode": mode, "model_run_id": run}
        assert "commit it first" in api.error(400, "POST", f"dataset/{dataset}/queryObjectsPage", body)
    assert "commit it first" in api.error(400, "GET", f"modelRun/{run}/metrics")
    assert "doesn't exist" in api.error(404, "POST", "modelRun/run_x/commit")


@pytest.mark.usefixtures("filled")
def test_commits_at_once_end_with_the_last(api: Api, dataset: str, run: str) -> None:
    threads = [
        threading.Thread(target=api.post, args=(f"modelRun/{run}/commit",), kwargs={"class_agnostic": agnostic})
        for agnostic in (True, False, True, False)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    info = api.get(f"modelRun/{run}/info")
    assert info["status"] == "Completed" and info["match_config"]["class_agnostic"] is False
    assert rows(api, dataset, run, "iou") == [RIGHT]


@pytest.mark.usefixtures("filled")
def test_a_deleted_run_leaves_no_matches(api: Api, dataset: str, run: str) -> None:
    store = api.client.application.services.store  # type: ignore[attr-defined]
    api.post(f"modelRun/{run}/commit")
    with store.read() as connection:
        key = runs.find(connection, run).key
    assert kept(store, key)
    api.delete(f"modelRun/{run}")
    end = time.monotonic() + 10
    while kept(store, key) and time.monotonic() < end:
        time.sleep(0.05)
    assert not kept(store, key)


def kept(store: Store, run: int) -> int:
    """How many rows the commits of a run have."""
    of_run = select(evaluation.c.id).filter_by(run_id=run)
    with store.read() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table).where(column.in_(of_run))).scalar_one()
            for table, column in (
                (evaluation, evaluation.c.id),
                (evaluation_part, evaluation_part.c.evaluation_id),
                (match, match.c.evaluation_id),
            )
        )
