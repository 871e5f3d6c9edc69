"""Commits of runs: every payload, what a run tells of itself, and the matches of the same objects by three rules."""

from collections.abc import Iterable
from typing import Any

import nucleus
from judging import NAME, VERSION, Checks, ask, connect, dataset_of, exact, finished, item_id, model_of
from nucleus import BoxAnnotation
from nucleus.dataset import ObjectQueryType
from nucleus.evaluation_match import EvaluationMatch
from samples import box

Row = tuple[str | None, str | None, float, str]  # prediction, ground truth, IoU, category

TRUTH = {  # of the item "street": label and x of a box of 10 × 10
    "t1": ("car", 0),
    "t2": ("truck", 20),
    "t3": ("bus", 40),
    "t4": ("person", 60),
}
FOUND = {  # label, x, height, confidence
    "p1": ("car", 0, 10, 0.9),
    "p2": ("car", 20, 10, 0.8),  # lies better on t2 than p3
    "p3": ("truck", 20, 8, 0.7),
    "p4": ("van", 40, 5, 0.6),
    "p5": ("car", 80, 10, None),  # is alone
}
ALLOWED = [
    {"ground_truth_label": "truck", "model_prediction_label": "car"},
    {"ground_truth_label": "bus", "model_prediction_label": "van"},
]
RIGHT, WRONG, MISSED = "true_positive", "false_positive", "false_negative"
ALONE: dict[str, list[Row]] = {  # the items "unseen" and "empty", by all rules
    "iou": [],
    "false_positive": [("p6", None, 0, WRONG)],
    "false_negative": [(None, "t5", 0, MISSED)],
}
BY_ALL_LABELS: dict[str, list[Row]] = {
    "iou": [("p1", "t1", 1, RIGHT), ("p2", "t2", 1, WRONG), ("p4", "t3", 0.5, WRONG)],
    "false_positive": [
        ("p2", "t2", 1, WRONG),
        ("p4", "t3", 0.5, WRONG),
        ("p3", None, 0, WRONG),
        ("p5", None, 0, WRONG),
    ],
    "false_negative": [(None, "t4", 0, MISSED)],
}
BY_EQUAL_LABELS: dict[str, list[Row]] = {
    "iou": [("p1", "t1", 1, RIGHT), ("p3", "t2", 0.8, RIGHT)],
    "false_positive": [("p2", None, 0, WRONG), ("p4", None, 0, WRONG), ("p5", None, 0, WRONG)],
    "false_negative": [(None, "t3", 0, MISSED), (None, "t4", 0, MISSED)],
}
BY_ALLOWED_LABELS: dict[str, list[Row]] = {
    "iou": [("p1", "t1", 1, RIGHT), ("p2", "t2", 1, RIGHT), ("p4", "t3", 0.5, RIGHT)],
    "false_positive": [("p3", None, 0, WRONG), ("p5", None, 0, WRONG)],
    "false_negative": [(None, "t4", 0, MISSED)],
}
PAYLOADS: dict[str, tuple[dict[str, Any] | None, dict[str, list[Row]]]] = {
    "nothing": (None, BY_ALL_LABELS),
    "class_agnostic": ({"class_agnostic": True}, BY_ALL_LABELS),
    "not class_agnostic": ({"class_agnostic": False}, BY_EQUAL_LABELS),
    "no pairs": ({"allowed_label_matches": []}, BY_ALL_LABELS),
    "pairs": ({"allowed_label_matches": ALLOWED}, BY_ALLOWED_LABELS),
    "pairs and class_agnostic": ({"class_agnostic": True, "allowed_label_matches": ALLOWED}, BY_ALLOWED_LABELS),
    "equal pairs": (
        {"allowed_label_matches": [{"ground_truth_label": "car", "model_prediction_label": "car"}]},
        BY_EQUAL_LABELS,
    ),
    "no pairs, not class_agnostic": ({"class_agnostic": False, "allowed_label_matches": []}, BY_EQUAL_LABELS),
    "empty": ({}, BY_ALL_LABELS),
}
MODES = (ObjectQueryType.IOU, ObjectQueryType.FALSE_POSITIVE, ObjectQueryType.FALSE_NEGATIVE)


def street(client: nucleus.NucleusClient, name: str) -> tuple[nucleus.Dataset, nucleus.Model, list[Any]]:
    """A dataset with the ground truth above and of two more items, a model, and predictions to upload."""
    dataset, model = dataset_of(client, name, ["street", "unseen", "empty"]), model_of(client, name)
    truth = [BoxAnnotation(label, x, 0, 10, 10, "street", id) for id, (label, x) in TRUTH.items()]
    dataset.annotate([*truth, BoxAnnotation("car", 0, 0, 10, 10, "unseen", "t5")])
    found = [
        box("street", id, label=label, x=x, y=0, width=10, height=height, confidence=confidence)
        for id, (label, x, height, confidence) in FOUND.items()
    ]
    return dataset, model, [*found, box("empty", "p6", confidence=0.5)]


def matches(dataset: nucleus.Dataset, run_id: str, mode: ObjectQueryType) -> list[EvaluationMatch]:
    """The rows of a run in one mode."""
    return list(dataset.query_objects("", mode, run_id))


def rows(found: Iterable[EvaluationMatch]) -> list[Row]:
    """What rows say, in an order of their own."""
    told = [
        (one.model_prediction_id, one.ground_truth_annotation_id, float(one.iou), one.confusion_category.value)
        for one in found
    ]
    return in_order(told)


def in_order(told: Iterable[Row]) -> list[Row]:
    """The same rows, whatever their order was."""
    return sorted(told, key=exact)


def check(
    checks: Checks, name: str, dataset: nucleus.Dataset, run_id: str, wanted: dict[str, list[Row]]
) -> dict[str, list[EvaluationMatch]]:
    """Compare the rows of all modes with those wanted and those of the items beside."""
    found = {mode.value: matches(dataset, run_id, mode) for mode in MODES}
    for mode, some in found.items():
        predicted = [(a, b, float(iou), category) for a, b, iou, category in wanted[mode] + ALONE[mode]]
        checks.same(f"{name}: {mode}", rows(some), in_order(predicted))
    return found


def payloads(checks: Checks) -> None:
    """Each payload of the client's page, one after the other on one run, with the matches that are predicted by hand.

    Each takes the place of the one before.
    """
    client = connect()
    dataset, model, sent = street(client, "payloads")
    run = dataset.create_model_run("payloads", reference_id=model.reference_id)
    run.predict(sent)
    for name, (payload, wanted) in PAYLOADS.items():
        checks.same(f"{name}: reply", run.commit(payload), {"model_run_id": run.model_run_id})
        found = check(checks, name, dataset, run.model_run_id, wanted)
    items = [item_id(dataset, position) for position in range(3)]
    of_items = {one.dataset_item_id for some in found.values() for one in some}
    checks.same("items", sorted(of_items), sorted(items))
    checks.same("run", {one.model_run_id for some in found.values() for one in some} == {run.model_run_id}, True)
    labels = {(one.model_prediction_label, one.ground_truth_annotation_label) for one in found["iou"]}
    checks.same("labels of pairs", sorted(labels), [["car", "car"], ["car", "truck"], ["van", "bus"]])
    alone = {(one.model_prediction_label, one.ground_truth_annotation_label) for one in found["false_negative"]}
    checks.same("labels of what is missed", sorted(alone, key=exact), [[None, "car"], [None, "person"]])
    only = {
        mode: sorted(one.annotation_id for one in dataset.query_objects("", mode, run.model_run_id))
        for mode in (ObjectQueryType.PREDICTIONS_ONLY, ObjectQueryType.GROUND_TRUTH_ONLY)
    }
    checks.same("predictions", only[ObjectQueryType.PREDICTIONS_ONLY], sorted([*FOUND, "p6"]))
    checks.same("ground truth", only[ObjectQueryType.GROUND_TRUTH_ONLY], sorted([*TRUTH, "t5"]))


def wrong_payloads(checks: Checks) -> None:
    """Each is refused in words, by both calls, and changes nothing."""
    client = connect()
    dataset, model, sent = street(client, "wrong payloads")
    run = dataset.create_model_run("wrong payloads", reference_id=model.reference_id)
    run.predict(sent)
    pair = ALLOWED[0]
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "an unknown member": ({"agnostic": True}, "agnostic"),
        "a number": ({"class_agnostic": 1}, "class_agnostic"),
        "a text": ({"class_agnostic": "true"}, "class_agnostic"),
        "pairs that are none": ({"allowed_label_matches": pair}, "allowed_label_matches"),
        "texts": ({"allowed_label_matches": ["car"]}, "allowed_label_matches"),
        "half a pair": ({"allowed_label_matches": [{"ground_truth_label": "car"}]}, "model_prediction_label"),
        "a label that is none": ({"allowed_label_matches": [pair | {"ground_truth_label": 7}]}, "ground_truth_label"),
        "a member too many": ({"allowed_label_matches": [pair | {"iou": 0.5}]}, "iou"),
        "a good pair and a bad one": ({"allowed_label_matches": [pair, {}]}, "ground_truth_label"),
    }
    for name, (payload, text) in wrong.items():
        checks.raises(f"commit: {name}", "NucleusAPIError 400", text, run.commit, payload)
        calculate = dataset.calculate_evaluation_metrics
        checks.raises(f"calculate: {name}", "NucleusAPIError 400", text, calculate, model, payload)
    checks.same("status", [run.info()[key] for key in ("status", "match_config")], ["Created", None])
    for mode in MODES:
        query = dataset.query_objects("", mode, run.model_run_id)
        checks.raises(f"{mode.value} of no commit", "NucleusAPIError 400", "commit", list, query)
    unknown = client.get_model_run("run_nothing", dataset.id)
    checks.raises("unknown run", "NucleusAPIError 404", "run_nothing", unknown.commit)
    query = dataset.query_objects("", MODES[0], "run_nothing")
    checks.raises("matches of an unknown run", "NucleusAPIError 404", "run_nothing", list, query)
    query = dataset.query_objects('annotations.label = "car"', MODES[0], run.model_run_id)
    checks.raises("a query", "NucleusAPIError 501", '{"error":"', list, query)


def lifecycle(checks: Checks) -> None:
    """What a run tells: its states, what it was matched by, and whether there is something newer than its matches."""
    client = connect()
    dataset, model, sent = street(client, "lifecycle")
    run = dataset.create_model_run("lifecycle", reference_id=model.reference_id)

    def told(*names: str) -> list[Any]:
        info = run.info()
        return [info[name] for name in names]

    checks.same("at first", told("status", "stale", "match_config", "matches"), ["Created", False, None, None])
    run.predict(sent)
    checks.same("with predictions", told("status", "stale"), ["Created", False])
    run.commit()
    checks.same("committed", told("status", "stale", "error"), ["Completed", False, None])
    rules = {"class_agnostic": True, "allowed_label_matches": []}
    checks.same("its rules", told("match_config"), [rules])
    before = check(checks, "first", dataset, run.model_run_id, BY_ALL_LABELS)
    run.predict([box("street", "p7", label="person", x=60, y=0, width=10, height=10)])
    checks.same("after an upload", told("status", "stale"), ["Completed", True])
    kept = {mode.value: matches(dataset, run.model_run_id, mode) for mode in MODES}
    checks.holds("its rows stay", kept == before, kept)
    run.commit()
    wanted = BY_ALL_LABELS | {"iou": [*BY_ALL_LABELS["iou"], ("p7", "t4", 1, RIGHT)], "false_negative": []}
    check(checks, "the next commit has it", dataset, run.model_run_id, wanted)
    checks.same("committed again", told("status", "stale"), ["Completed", False])
    dataset.annotate([BoxAnnotation("car", 300, 0, 10, 10, "street", "t6")])
    checks.same("after new ground truth", told("stale"), [True])
    run.commit({"allowed_label_matches": ALLOWED})
    rules = {"class_agnostic": False, "allowed_label_matches": ALLOWED}
    checks.same("its new rules", told("stale", "match_config"), [False, rules])
    first = ask("GET", f"modelRun/{run.model_run_id}/metrics").json()
    run.commit({"allowed_label_matches": ALLOWED})
    again = ask("GET", f"modelRun/{run.model_run_id}/metrics").json()
    checks.same("the same commit changes nothing", again, first)
    checks.holds("that predictions are the same is no news", run.predict(sent)["predictions_ignored"] == len(sent))
    checks.same("so it is not stale", told("stale"), [False])
    counts = told("matches")[0]
    wanted_counts = {"true_positives": 4, "pairs_that_do_not_fit": 0, "predictions_alone": 3, "truth_alone": 2}
    checks.same("its counts", {name: counts.get(name, 0) for name in wanted_counts}, wanted_counts)
    other = dataset.create_model_run("nothing in it", reference_id=model.reference_id)
    other.commit()
    checks.same("no predictions", rows(matches(dataset, other.model_run_id, MODES[0])), [])
    missed = rows(matches(dataset, other.model_run_id, MODES[2]))
    checks.same("all is missed", missed, in_order([(None, id, 0.0, MISSED) for id in (*TRUTH, "t5", "t6")]))
    bare = client.create_dataset(f"{NAME}: no items", is_scene=False)
    nothing = bare.create_model_run("x", reference_id=model.reference_id)
    nothing.commit()
    checks.same("no items", nothing.info()["status"], "Completed")


def of_models(checks: Checks) -> None:
    """`calculate_evaluation_metrics` is the commit of the run that a model has on a dataset, as a job."""
    client = connect()
    dataset, model, sent = street(client, "of models")
    run_id = dataset.upload_predictions(model, sent)["model_run_id"]
    run = client.get_model_run(run_id, dataset.id)
    for name, (payload, wanted) in PAYLOADS.items():
        if name not in ("nothing", "not class_agnostic", "pairs"):
            continue
        job = client.get_job(dataset.calculate_evaluation_metrics(model, payload)["job_id"])
        checks.same(f"{name}: its type", job.job_type, "modelRunCommit")
        finished(job)
        checks.same(f"{name}: its end", [job.status()["status"], job.errors()], ["Completed", []])
        check(checks, name, dataset, run_id, wanted)
        checks.same(f"{name}: the run", [run.info()["status"], run.info()["stale"]], ["Completed", False])
    again = dataset.calculate_evaluation_metrics(model, {"allowed_label_matches": ALLOWED})
    checks.same("again", finished(client.get_job(again["job_id"])).status()["status"], "Completed")
    check(checks, "again", dataset, run_id, BY_ALLOWED_LABELS)
    asynchronous = "modelRunCommit" in {job.job_type for job in dataset.jobs(show_completed=True)}
    checks.holds("listed", asynchronous)


def deletions(checks: Checks) -> None:
    """What is deleted after a commit: an item takes its rows with it, ground truth keeps them until the next commit."""
    client = connect()
    dataset, model, sent = street(client, "deletions")
    run = dataset.create_model_run("deletions", reference_id=model.reference_id)
    run.predict(sent)
    run.commit()
    dataset.delete_item("unseen")
    checks.same("its rows are gone", rows(matches(dataset, run.model_run_id, MODES[2])), [(None, "t4", 0.0, MISSED)])
    checks.same("and it is stale", run.info()["stale"], True)
    finished(dataset.delete_annotations(reference_ids=["street"]))
    dataset.annotate([BoxAnnotation("car", 80, 0, 10, 10, "street", "t7")])
    pairs = in_order([(a, b, float(iou), category) for a, b, iou, category in BY_ALL_LABELS["iou"]])
    checks.same("rows of what was there", rows(matches(dataset, run.model_run_id, MODES[0])), pairs)
    run.commit()
    checks.same("the next commit", rows(matches(dataset, run.model_run_id, MODES[0])), [("p5", "t7", 1.0, RIGHT)])
    checks.same("is not stale", [run.info()[key] for key in ("status", "stale")], ["Completed", False])
    client.delete_model_run(run.model_run_id)
    query = dataset.query_objects("", MODES[0], run.model_run_id)
    checks.raises("matches of a deleted run", "NucleusAPIError 404", run.model_run_id, list, query)
    checks.raises("a deleted run", "NucleusAPIError 404", run.model_run_id, run.commit)


def spanning(checks: Checks) -> None:
    """A run of two datasets is matched with both, and read by each."""
    if VERSION < (0, 21):
        return
    client = connect()
    model = model_of(client, "spanning commits")
    datasets = [dataset_of(client, f"spanning commits {i}", ["same"]) for i in range(2)]
    run = model.create_run(name="spanning")
    checks.same("nothing in it", run.commit(), {"model_run_id": run.model_run_id})
    for i, dataset in enumerate(datasets):
        dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, "same", f"t{i}")])
        objects = [box("same", f"p{i}", x=0, y=0, width=10, height=10 - 5 * i, dataset_id=dataset.id)]
        run.add_predictions(objects)
    run.commit()
    for i, dataset in enumerate(datasets):
        found = matches(dataset, run.model_run_id, MODES[0])
        checks.same(f"rows of dataset {i}", rows(found), [(f"p{i}", f"t{i}", 1 - i / 2, RIGHT)])
        checks.same(f"its item {i}", [one.dataset_item_id for one in found], [item_id(dataset, 0)])
    counts = client.get(f"modelRun/{run.model_run_id}/metrics")["counts"]
    checks.same("figures of both", counts, {"tp": 2, "fp": 0, "fn": 0})
    datasets[1].annotate([BoxAnnotation("car", 50, 0, 10, 10, "same", "late")])
    checks.same("stale by either", run.info()["stale"], True)
