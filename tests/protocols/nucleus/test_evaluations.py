"""Evaluations of runs and on benchmarks: made, listed, read, cancelled, tried again, deleted; and ranked."""

from collections.abc import Iterator
from typing import Any

import pytest

from container.errors import Conflict
from container.protocols.nucleus.evaluations import done
from container.protocols.nucleus.leaderboards import METRICS
from container.scoring.config import Config
from container.store import benchmarks, evaluations, runs
from container.store.database import Connection
from tests.protocols.nucleus.scenes import Scene, made, opened, placed

MATCHES = [{"ground_truth_label": "car", "model_prediction_label": "van"}]
GROUPS = [{"class_name": "vehicle", "labels": ["car", "van"]}]
RULES = [{"type": "metadata", "scope": "item", "key": "night", "op": "EQ", "value": True}]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, address_of_module: str) -> Iterator[Scene]:
    """What all of these tests share, since each evaluation starts a process."""
    with opened(tmp_path_factory.mktemp("evaluations") / "store", address_of_module) as one:
        yield one


@pytest.fixture(scope="module")
def plain(scene: Scene) -> Any:
    """An evaluation of the run, as clients of version 0.19 make it."""
    return made(scene, f"modelRun/{scene.run}/evaluationsV2", name="first")


@pytest.fixture(scope="module")
def grouped(scene: Scene) -> Any:
    """An evaluation of the run on the benchmark, for which vans are as good as cars."""
    return made(scene, f"benchmarks/{scene.benchmark}/evaluationsV2", model_run_id=scene.run, rollupGroups=GROUPS)


@pytest.fixture(scope="module")
def by_model(scene: Scene) -> Any:
    """An evaluation of what the model has predicted without a run, by day."""
    document = {"model_id": scene.model, "exclusionRules": RULES, "name": None}
    return made(scene, f"benchmarks/{scene.benchmark}/evaluationsV2", **document)


def test_what_an_evaluation_is(scene: Scene, plain: Any, grouped: Any, by_model: Any) -> None:
    assert plain == {
        "id": plain["id"],
        "name": "first",
        "status": "succeeded",
        "error_message": None,
        "model_id": scene.model,
        "model_run_id": scene.run,
        "dataset_id": scene.dataset,
        "benchmark_id": None,
        "slice_id": None,
        "rollup_groups": None,
        "allowed_label_matches": None,
        "allowed_label_matches_id": None,
        "allowed_label_matches_name": None,
        "class_agnostic": False,
        "exclusion_rules": None,
        "exclusion_stats": None,
        "created_at": plain["created_at"],
        "finished_at": plain["finished_at"],
        "job_id": plain["job_id"],
        "data_revision": plain["data_revision"],
        "version": plain["version"],
        "temporal_workflow_id": None,
    }
    assert set(plain["data_revision"]) == {scene.dataset, scene.run} and plain["version"]
    assert (grouped["rollup_groups"], grouped["benchmark_id"]) == (GROUPS, scene.benchmark)
    assert (by_model["model_run_id"], by_model["dataset_id"], by_model["name"]) == (None, None, None)
    assert (by_model["exclusion_rules"], by_model["exclusion_stats"]["items_excluded"]) == (RULES, 1)
    of_run = [one["id"] for one in scene.api.get(f"modelRun/{scene.run}/evaluationsV2")]
    assert [one for one in of_run if one in (plain["id"], grouped["id"])] == [grouped["id"], plain["id"]]
    assert by_model["id"] in [one["id"] for one in scene.api.get(f"model/{scene.model}/evaluationsV2")]
    assert plain["id"] not in [one["id"] for one in scene.api.get(f"model/{scene.model}/evaluationsV2")]


def test_labels_that_may_match(scene: Scene) -> None:
    one = made(scene, f"modelRun/{scene.run}/evaluationsV2", allowed_label_matches=MATCHES)
    assert one["allowed_label_matches"] == MATCHES


def test_what_stands_for_a_model(scene: Scene) -> None:
    """What was uploaded to it wins; without that, what was uploaded to a dataset for it; and nothing is all missed."""
    api, on = scene.api, f"benchmarks/{scene.benchmark}/evaluationsV2"
    model = api.post("models/add", name="other", reference_id="net-2", metadata={})["model_id"]
    found = []
    for upload in (None, f"dataset/{scene.dataset}/model/{model}/uploadPredictions", f"model/{model}/predictions"):
        names = {None: (), f"model/{model}/predictions": ("1",)}.get(upload, ("1", "2"))
        if upload is not None:
            api.post(upload, annotations=[placed(name, name, confidence=0.5) for name in names], update=False)
        one = made(scene, on, model_id=model)
        found.append(api.get(f"evaluationsV2/{one['id']}/charts")["totalCounts"])
        api.delete(f"evaluationsV2/{one['id']}")
    assert [(counts["tp"], counts["fn"]) for counts in found] == [(0, 2), (2, 0), (1, 1)]


def test_a_benchmark_says_which_labels_count(scene: Scene) -> None:
    for taxonomy, expected in [({"class_agnostic": True}, (None, True)), ({"rollup_groups": GROUPS}, (GROUPS, False))]:
        one = scene.api.post("benchmarks", name="v", parent_benchmark_id=scene.benchmark, **taxonomy)["benchmark_id"]
        evaluated = scene.api.post(f"benchmarks/{one}/evaluationsV2", model_id=scene.model)["evaluation_id"]
        read = scene.api.get(f"evaluationsV2/{evaluated}")
        assert (read["rollup_groups"], read["class_agnostic"]) == expected
        scene.api.delete(f"evaluationsV2/{evaluated}")
    agnostic = scene.api.post("benchmarks", name="a", parent_benchmark_id=scene.benchmark, class_agnostic=True)
    body = {"model_id": scene.model, "rollupGroups": GROUPS}
    route = f"benchmarks/{agnostic['benchmark_id']}/evaluationsV2"
    assert "class_agnostic" in scene.api.error(400, "POST", route, body)


def test_what_makes_no_evaluation(scene: Scene) -> None:
    api, run, on = scene.api, f"modelRun/{scene.run}/evaluationsV2", f"benchmarks/{scene.benchmark}/evaluationsV2"
    draft = api.post("benchmarks", name="d", draft=True)["benchmark_id"]
    both = {"model_run_id": scene.run, "model_id": scene.model}
    ambiguous = [*MATCHES, {"ground_truth_label": "bus", "model_prediction_label": "van"}]
    overlapping = [*GROUPS, {"class_name": "x", "labels": ["van"]}]
    before = len(api.get(run))
    for status, said, route, document in [
        (404, "run_none", "modelRun/run_none/evaluationsV2", {}),
        (400, "neither a dataset nor predictions", f"modelRun/{scene.empty}/evaluationsV2", {}),
        (400, "colour", run, {"colour": 1}),
        (400, "name", run, {"name": 1}),
        (400, "model_prediction_label", run, {"allowed_label_matches": [{"ground_truth_label": "a"}]}),
        (400, "'van'", run, {"allowed_label_matches": ambiguous}),
        (501, "allowed_label_matches_id", run, {"allowed_label_matches_id": "alm_1"}),
        (404, "bm_none", "benchmarks/bm_none/evaluationsV2", {}),
        (409, "is draft", f"benchmarks/{draft}/evaluationsV2", {"model_id": scene.model}),
        (400, "one thing", on, {}),
        (400, "one thing", on, both),
        (404, "prj_none", on, {"model_id": "prj_none"}),
        (404, "run_none", on, {"model_run_id": "run_none"}),
        (400, "model_id", on, {"model_id": 1}),
        (
            400,
            "in two groups",
            on,
            {"model_id": scene.model, "rollupGroups": overlapping},
        ),
        (400, "two things", on, {"model_id": scene.model, "rollupGroups": GROUPS, "allowed_label_matches": MATCHES}),
        (400, "rule 0", on, {"model_id": scene.model, "exclusionRules": [{"type": "x"}]}),
    ]:
        assert said in api.error(status, "POST", route, document), (route, document)
    assert len(api.get(run)) == before


def unfinished(
    scene: Scene, connection: Connection, selection: evaluations.Selection | None = None
) -> evaluations.Evaluation:
    """An evaluation of the run, which no job takes before the transaction ends."""
    run = runs.find(connection, scene.run)
    selection = selection or evaluations.Selection(runs=(run.key,))
    given = {"purpose": evaluations.EVALUATION, "config": Config(class_agnostic=False).as_dict()}
    of = {"selection": selection, "benchmark_key": selection.benchmark, "model_key": run.model_key, "run_key": run.key}
    return evaluations.create(connection, **given, **of)


READS = [("GET", "/charts"), ("POST", "/charts"), ("POST", "/examples"), ("GET", "/filterSchema")]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_one_that_has_no_figures(scene: Scene, status: str) -> None:
    api = scene.api
    with scene.store.write() as connection:
        one = unfinished(scene, connection)
        with pytest.raises(Conflict, match="is pending; wait"):
            done(connection, one.id)
        evaluations.set_status(connection, one, status, "it was too large")
    route = f"evaluationsV2/{one.id}"
    assert api.get(route)["error_message"] == "it was too large"
    for method, end in READS:
        assert f"it is {status}: it was too large" in api.error(409, method, route + end)
    if status == "failed":
        assert "has failed" in api.error(409, "POST", f"{route}/cancel", {})
        again = api.post(f"{route}/retry")["evaluation_id"]
        assert again != one.id and api.get(f"evaluationsV2/{again}")["status"] == "succeeded"
    else:
        assert api.post(f"{route}/cancel")["status"] == "cancelled"  # as it was
        assert "is cancelled" in api.error(409, "POST", f"{route}/retry", {})
    api.delete(route)
    for method, end in [*READS, ("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry")]:
        assert one.id in api.error(404, method, route + end)


def test_figures_are_not_those_of_a_deleted_one(scene: Scene) -> None:
    answers = []
    for document in ({}, {"allowed_label_matches": MATCHES}):
        route = f"evaluationsV2/{made(scene, f'modelRun/{scene.run}/evaluationsV2', **document)['id']}"
        answers.append(scene.api.get(f"{route}/charts")["totalCounts"]["tp"])
        scene.api.delete(route)
        (job, *_) = scene.api.post("jobs/", job_types=[evaluations.DELETION_JOB], show_completed=True)
        assert scene.api.finish(job)["status"] == "Completed"
    assert answers == [1, 2]


def test_a_failed_one_whose_benchmark_is_gone(scene: Scene) -> None:
    benchmark = scene.api.post("benchmarks", name="v", parent_benchmark_id=scene.benchmark)["benchmark_id"]
    with scene.store.write() as connection:
        key = benchmarks.find(connection, benchmark).key
        one = unfinished(scene, connection, evaluations.Selection(benchmark=key))
        evaluations.set_status(connection, one, "failed", "it was too large")
    scene.api.delete(f"benchmarks/{benchmark}")
    assert "benchmark was deleted" in scene.api.error(404, "POST", f"evaluationsV2/{one.id}/retry", {})
    assert scene.api.get(f"evaluationsV2/{one.id}")["benchmark_id"] is None


def test_a_commit_is_no_evaluation(scene: Scene, plain: Any) -> None:
    scene.api.post(f"modelRun/{scene.run}/commit")
    with scene.store.read() as connection:
        commit = evaluations.last_commit(connection, runs.find(connection, scene.run).key)
    assert commit is not None
    assert commit.id in scene.api.error(404, "GET", f"evaluationsV2/{commit.id}")
    assert commit.id not in [one["id"] for one in scene.api.get(f"modelRun/{scene.run}/evaluationsV2")]


@pytest.mark.parametrize("metric", METRICS)
def test_the_ranking(scene: Scene, plain: Any, grouped: Any, by_model: Any, metric: str) -> None:
    """With groups all is right; without the item at night, so is what the model has predicted by itself."""
    route, ids = "leaderboard/ranking", [scene.benchmark]
    every = scene.api.post(route, metric_type=metric, benchmark_ids=ids, collapse="allEvaluations", scope="mine")
    if metric in ("AP_SMALL", "AP_LARGE"):
        assert every == []
        return
    assert {one["evaluation_id"] for one in every} == {grouped["id"], by_model["id"]}
    assert [one["score"] for one in every] == pytest.approx([1.0, 1.0])
    (best,) = scene.api.post(route, metric_type=metric, benchmark_ids=ids, model_ids=[scene.model])
    names = ("model_run_id", "model_run_name", "model_id", "model_name", "evaluation_name", "rank")
    assert [best[name] for name in names] == [scene.run, "first", scene.model, "net", None, 1]
    assert len(scene.api.post(route, metric_type=metric, benchmark_ids=ids, collapse="allRuns")) == 2
    assert scene.api.post(route, metric_type=metric, benchmark_ids=ids, model_ids=["prj_none"]) == []


@pytest.mark.parametrize(
    ("metric", "confidence", "scores"),
    [("RECALL", 0.85, [1.0, 0.5]), ("PRECISION", 0.85, [1.0, 1.0]), ("F1", 0.85, [1.0, 2 / 3]), ("PRECISION", 1, [])],
)
def test_scores_from_a_confidence_on(
    scene: Scene, grouped: Any, by_model: Any, metric: str, confidence: float, scores: list[float]
) -> None:
    asked = {"metric_type": metric, "benchmark_ids": [scene.benchmark], "confidence_threshold": confidence}
    ranked = scene.api.post("leaderboard/ranking", **asked, collapse="allEvaluations")
    assert [one["score"] for one in ranked] == scores


def test_curves_of_f1(scene: Scene, grouped: Any, by_model: Any) -> None:
    (best,) = scene.api.post("leaderboard/f1Curve", benchmark_ids=[scene.benchmark], top_n=3)
    assert (best["evaluation_id"], best["best_f1"], best["rank"]) == (grouped["id"], 1.0, 1)
    points = {one["confidence_threshold"]: one["score"] for one in best["points"]}
    assert len(points) == 101 and (points[0.8], points[0.85], points[0.95]) == (1.0, 2 / 3, 0.0)


def test_what_no_leaderboard_takes(scene: Scene) -> None:
    good = {"metric_type": "F1", "benchmark_ids": [scene.benchmark]}
    for status, said, route, document in [
        (400, "metric_type", "ranking", {"metric_type": None}),
        (400, "metric_type", "ranking", {"metric_type": "MAP_10"}),
        (400, "benchmark_ids", "ranking", {"benchmark_ids": []}),
        (400, "benchmark_ids", "ranking", {"benchmark_ids": "bm_1"}),
        (404, "bm_none", "ranking", {"benchmark_ids": ["bm_none"]}),
        (400, "confidence_threshold", "ranking", {"confidence_threshold": 1.1}),
        (400, "scope", "ranking", {"scope": "yours"}),
        (400, "collapse", "ranking", {"collapse": "best"}),
        (400, "model_ids", "ranking", {"model_ids": 1}),
        (400, "colour", "ranking", {"colour": 1}),
        (400, "metric_type", "f1Curve", {}),
    ]:
        assert said in scene.api.error(status, "POST", f"leaderboard/{route}", {**good, **document}), document
    curves = {"benchmark_ids": [scene.benchmark], "top_n": 0}
    assert "top_n" in scene.api.error(400, "POST", "leaderboard/f1Curve", curves)
