"""Evaluations V2: of a run (0.19), and of runs and models on benchmarks (from 0.20 on)."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nucleus
from charted import judge_all_types, judge_charts, judge_examples, judge_filters, judge_limits, judge_orders, judge_rows
from judging import NAME, VERSION, Checks, connect, dataset_of, finished, item_id, model_of
from nucleus import BoxAnnotation
from samples import box
from scenes import FOUND, SCENES, TRUTH, upload, wanted

OF_RUNS = (0, 19) <= VERSION < (0, 20)
ON_BENCHMARKS = VERSION >= (0, 20)
OF_MODELS = VERSION >= (0, 22)
LOOK = 0.05  # seconds between two looks at an evaluation
EVERY = list(range(len(SCENES["pictures"])))
LABELLED = [i for i in EVERY if SCENES["pictures"][i][0]]
MANY = 2300  # boxes on each side that all overlap: more pairs than are taken, in a second of computing


def done(evaluation: Any) -> Any:
    """An evaluation once it has ended."""
    return evaluation.wait_for_completion(timeout_sec=60, poll_interval=LOOK)


def positions(dataset: nucleus.Dataset) -> dict[str, int]:
    """The places of items by their ids."""
    return {item_id(dataset, i): i for i in EVERY}


def benchmark_of(client: nucleus.NucleusClient, name: str, dataset: nucleus.Dataset, **more: Any) -> Any:
    """A benchmark of all items of a dataset that have ground truth."""
    return client.create_benchmark(f"{NAME}: {name}", dataset_id=dataset.id, verbose=False, **more)


def of_runs(checks: Checks) -> None:
    """All that 0.19 can ask of a run."""
    if not OF_RUNS:
        return
    client = connect()
    dataset, run = upload(client, "evaluations", ("box",))
    checks.same("none", client.list_evaluations_v2(run.model_run_id), [])
    one = client.create_evaluation_v2(run.model_run_id, name="Erste é")
    checks.holds("its status", one.status in ("pending", "computing", "succeeded"), one.status)
    checks.same("ended", done(one).status, "succeeded")
    told = [one.name, one.model_run_id, one.dataset_id, one.error_message, one.allowed_label_matches]
    checks.same("what it is", told, ["Erste é", run.model_run_id, dataset.id, None, None])
    for at in ("0.5", "0.75"):
        judge_charts(checks, f"at {at}", one.charts(float(at)), wanted("all"), at)
    judge_rows(checks, "examples", judge_examples(checks, "examples", one), EVERY)
    judge_orders(checks, one, positions(dataset))
    judge_filters(checks, one, "all filtered")
    judge_limits(checks, one)
    match = nucleus.AllowedLabelMatch(TRUTH, FOUND)
    mapped = done(client.create_evaluation_v2(run.model_run_id, allowed_label_matches=[match]))
    checks.same("its labels", [vars(one) for one in mapped.allowed_label_matches], [vars(match)])
    judge_charts(checks, "mapped", mapped.charts(), wanted("all mapped"))
    wrong = [match, nucleus.AllowedLabelMatch("dog", FOUND)]
    create = client.create_evaluation_v2
    text = "one label of truth"
    checks.raises("two labels", "NucleusAPIError 400", text, create, run.model_run_id, allowed_label_matches=wrong)
    saved = {"allowed_label_matches_id": "alm_1"}
    checks.raises("saved matches", "NucleusAPIError 501", "allowed_label_matches_id", create, run.model_run_id, **saved)
    checks.raises("unknown run", "NucleusAPIError 404", "run_nothing", create, "run_nothing")
    listed = [two.id for two in client.list_evaluations_v2(run.model_run_id)]
    checks.same("listed, the newest first", listed, [mapped.id, one.id])
    run.predict([box("scene 0", "late")])
    judge_charts(checks, "after an upload", one.refresh().charts(), wanted("all"))
    one.delete()
    checks.raises("deleted", "NucleusAPIError 404", one.id, client.get_evaluation_v2, one.id)
    checks.same("listed then", [two.id for two in client.list_evaluations_v2(run.model_run_id)], [mapped.id])
    _, outlined = upload(client, "evaluations of polygons", ("polygon",))
    masks = done(client.create_evaluation_v2(outlined.model_run_id))
    judge_charts(checks, "polygons", masks.charts(), wanted("all", "segm"))
    judge_examples(checks, "polygons", masks)


def on_benchmarks(checks: Checks) -> None:
    """All that newer clients can ask of a run on a benchmark."""
    if not ON_BENCHMARKS:
        return
    client = connect()
    dataset, run = upload(client, "evaluations", ("box",))
    benchmark = benchmark_of(client, "evaluations", dataset)
    checks.same("its items", [benchmark.status, benchmark.item_count], ["ready", len(LABELLED)])
    one = benchmark.create_evaluation_v2(run.model_run_id, name="Erste é")
    checks.holds("its status", one.status in ("pending", "computing", "succeeded"), one.status)
    checks.same("ended", done(one).status, "succeeded")
    told = [one.name, one.model_run_id, one.benchmark_id, one.error_message, one.rollup_groups, one.exclusion_rules]
    checks.same("what it is", told, ["Erste é", run.model_run_id, benchmark.id, None, None, None])
    for at in ("0.5", "0.75"):
        judge_charts(checks, f"at {at}", one.charts(float(at)), wanted("labelled"), at)
    judge_rows(checks, "examples", rows := judge_examples(checks, "examples", one), LABELLED)
    judge_all_types(checks, one, rows)
    judge_orders(checks, one, positions(dataset))
    judge_filters(checks, one, "labelled filtered")
    judge_limits(checks, one)
    args = nucleus.EvaluationV2FilterArgs(confidence_range={"min": 0.5}, label_equality="EQ", has_ground_truth=True)
    same = one.charts(filters=args.to_api_filters()).dict() == one.charts(filters=args).dict()
    checks.holds("filters of the client", same)
    filter_schema(checks, client, one)
    configured(checks, client, run, benchmark, one)
    _, outlined = upload(client, "evaluations of polygons", ("polygon",))
    masks_on = benchmark_of(client, "evaluations of polygons", client.get_dataset(outlined.dataset_id))
    masks = done(masks_on.create_evaluation_v2(outlined.model_run_id))
    judge_charts(checks, "polygons", masks.charts(), wanted("labelled", "segm"))
    judge_examples(checks, "polygons", masks)


def filter_schema(checks: Checks, client: nucleus.NucleusClient, one: Any) -> None:
    """Labels and fields that there are, by both calls."""
    schema = one.filter_schema()
    checks.holds("its schema by the client", client.get_evaluation_v2_filter_schema(one.id) == schema, schema)
    there = {each["label"] for i in LABELLED for each in SCENES["pictures"][i][0]}
    seen = {each["label"] for i in LABELLED for each in SCENES["pictures"][i][1]}
    checks.same("labels", [schema.gt_labels, schema.pred_labels], [sorted(there), sorted(seen)])
    fields = {field.key: (field.value_type, field.values) for field in schema.metadata_fields}
    checks.same("a number", fields["number"][0], "number")
    checks.same("its values", sorted(fields["number"][1], key=int), [str(i) for i in LABELLED])
    checks.same("a flag", fields["odd"], ["boolean", ["false", "true"]])


def configured(checks: Checks, client: nucleus.NucleusClient, run: Any, benchmark: Any, plain: Any) -> None:
    """Labels that count as one, what is left out, and presets of both."""
    group = nucleus.RollupGroup(TRUTH, [TRUTH, FOUND])
    mapped = done(benchmark.create_evaluation_v2(run.model_run_id, rollup_groups=[group]))
    checks.same("groups", [vars(one) for one in mapped.rollup_groups], [vars(group)])
    judge_charts(checks, "groups", mapped.charts(), wanted("labelled mapped"))
    raw = {row.pred_raw_label for row in judge_examples(checks, "groups", mapped) if row.pred_canonical_label == TRUTH}
    checks.same("raw labels of a group", sorted(raw), sorted([TRUTH, FOUND]))
    rules = [
        nucleus.LabelExclusionRule(scope="annotation", target="prediction", labels=[FOUND]),
        nucleus.MetadataExclusionRule(key="odd", op="EQ", value=True),
    ]
    chosen = done(benchmark.create_evaluation_v2(run.model_run_id, exclusion_rules=rules))
    checks.same("rules", chosen.exclusion_rules, [rule.to_api_dict() for rule in rules])
    judge_charts(checks, "rules", chosen.charts(), wanted("labelled chosen"))
    stats = chosen.exclusion_stats or {}
    checks.same("items left out", stats.get("items_excluded"), sum(i % 2 for i in LABELLED))
    preset = client.create_evaluation_v2_preset(f"{NAME} é {run.model_run_id}", exclusion_rules=rules)
    by_preset = done(benchmark.create_evaluation_v2(run.model_run_id, preset=preset))
    checks.holds("by a preset", by_preset.charts().dict() == chosen.charts().dict())
    areas = nucleus.BoxAreaExclusionRule(scope="annotation", target="groundTruth", min=400, max=5000)
    kept = done(benchmark.create_evaluation_v2(run.model_run_id, exclusion_rules=[areas]))
    sizes = [one["box"][2] * one["box"][3] for i in LABELLED for one in SCENES["pictures"][i][0] if not one["crowd"]]
    counts = kept.charts().totalCounts
    checks.same("areas", counts.tp + counts.fn, sum(400 <= size <= 5000 for size in sizes))
    items = nucleus.LabelExclusionRule(scope="item", target="groundTruth", labels=["cat"])
    left = done(benchmark.create_evaluation_v2(run.model_run_id, exclusion_rules=[items]))
    truth = [SCENES["pictures"][i][0] for i in LABELLED]
    without = [some for some in truth if not any(one["label"] == "cat" for one in some)]
    counts = left.charts().totalCounts
    objects = sum(not one["crowd"] for some in without for one in some)
    checks.same("items with a label", counts.tp + counts.fn, objects)
    create = benchmark.create_evaluation_v2
    for name, rule in {
        "an unknown kind": {"type": "colour", "scope": "item"},
        "another side": {"type": "labels", "scope": "item", "target": "both", "labels": ["a"]},
        "no bounds": {"type": "boxArea", "scope": "item", "target": "groundTruth"},
        "no labels": {"type": "labels", "scope": "item", "target": "groundTruth", "labels": []},
    }.items():
        checks.raises(name, "NucleusAPIError 400", "rule", create, run.model_run_id, exclusion_rules=[rule])
    twice = [group, nucleus.RollupGroup("x", [FOUND])]
    checks.raises("a label twice", "NucleusAPIError 400", FOUND, create, run.model_run_id, rollup_groups=twice)
    if VERSION < (0, 22):
        match = nucleus.AllowedLabelMatch(TRUTH, FOUND)
        one = done(create(run.model_run_id, allowed_label_matches=[match]))
        checks.same("allowed labels", [vars(each) for each in one.allowed_label_matches], [vars(match)])
        judge_charts(checks, "allowed labels", one.charts(), wanted("labelled mapped"))
    else:
        agnostic = benchmark_of(client, "one class", client.get_dataset(run.dataset_id), class_agnostic=True)
        one = done(agnostic.create_evaluation_v2(run.model_run_id))
        judge_charts(checks, "one class", one.charts(), wanted("labelled in one class"))
    listed = [each.id for each in client.list_evaluations_v2(run.model_run_id)]
    checks.same("the first one is listed last", [listed[-1], len(listed)], [plain.id, 7])


def of_models(checks: Checks) -> None:
    """Of what was uploaded to a model itself."""
    if not OF_MODELS:
        return
    client = connect()
    dataset, run = upload(client, "of models", ("box",))
    benchmark = benchmark_of(client, "of models", dataset)
    model = model_of(client, "of models")
    ids = {place: id for id, place in positions(dataset).items()}
    sides = ("x", "y", "width", "height")
    sent = [
        box(
            f"scene {i}",
            f"p{j}",
            dataset_item_id=ids[i],
            label=one["label"],
            confidence=one["score"],
            metadata={"place": j},
            **dict(zip(sides, one["box"], strict=True)),
        )
        for i, (_, seen) in enumerate(SCENES["pictures"])
        for j, one in enumerate(seen)
    ]
    reply = model.upload_predictions(sent)
    checks.same("counts", reply, {"model_id": model.id, "predictions_processed": len(sent), "predictions_ignored": 0})
    for anchor in (model, model.id):
        one = done(benchmark.create_evaluation_v2(model_id=anchor))
        checks.same(f"what it is, {type(anchor).__name__}", [one.model_id, one.model_run_id], [model.id, None])
        judge_charts(checks, f"by {type(anchor).__name__}", one.charts(), wanted("labelled"))
    judge_rows(checks, "examples", judge_examples(checks, "examples", one), LABELLED)
    checks.same("listed", client.list_evaluations_v2(model_id=model)[0].id, one.id)
    checks.same("both", len(client.list_evaluations_v2(model_id=model.id)), 2)
    checks.same("not those of runs", client.list_evaluations_v2(model_id=run.info()["model_id"]), [])
    bare = done(benchmark.create_evaluation_v2(model_id=model_of(client, "of nothing")))
    counts = bare.charts().totalCounts
    checks.same("nothing predicted", [counts.tp, counts.fp, counts.predsWithConfidence], [0, 0, 0])
    checks.raises(
        "unknown", "NucleusAPIError 404", "prj_nothing", benchmark.create_evaluation_v2, model_id="prj_nothing"
    )


def endings(checks: Checks) -> None:
    """Cancelled, tried again, deleted, and failed ones."""
    if not (OF_RUNS or ON_BENCHMARKS):
        return
    client = connect()
    dataset, model = dataset_of(client, "endings", ["a"]), model_of(client, "endings")
    dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, "a", "t")])
    run = dataset.create_model_run("endings", reference_id=model.reference_id)
    run.predict([box("a", "p", x=0, y=0, width=10, height=10, confidence=0.5)])
    if OF_RUNS:
        one = done(client.create_evaluation_v2(run.model_run_id))
        of_deleted(checks, dataset, one)
        one.delete()
        checks.raises("deleted", "NucleusAPIError 404", one.id, one.refresh)
        return
    benchmark = benchmark_of(client, "endings", dataset)
    first = done(benchmark.create_evaluation_v2(run.model_run_id))
    checks.raises("cancelled too late", "NucleusAPIError 409", "succeeded", first.cancel)
    checks.raises("tried again", "NucleusAPIError 409", "succeeded", first.retry)
    checks.holds("its figures", math.isclose(first.charts().mapSummary.mapAt50, 1))
    if OF_MODELS:  # the requests are the same before
        failing(checks, client, model)
    of_deleted(checks, dataset, first)
    for one in client.list_evaluations_v2(run.model_run_id):
        one.delete()
    checks.same("all deleted", client.list_evaluations_v2(run.model_run_id), [])
    for name, call in {"charts": first.charts, "schema": first.filter_schema, "delete": first.delete}.items():
        checks.raises(f"{name} of a deleted one", "NucleusAPIError 404", first.id, call)
    draft = client.create_benchmark(f"{NAME}: draft", draft=True)
    checks.raises("of a draft", "NucleusAPIError 409", "draft", draft.create_evaluation_v2, run.model_run_id)


def of_deleted(checks: Checks, dataset: nucleus.Dataset, one: Any) -> None:
    """Examples know no more of ground truth that is deleted; what is uploaded then is not taken for it."""
    finished(dataset.delete_annotations())
    dataset.annotate([BoxAnnotation("truck", 50, 50, 10, 10, "a", "new")])
    (row,) = one.examples("TP").rows
    told = [row.gt_raw_label, row.ground_truth_annotation_id, row.annotation_row, row.model_prediction_id]
    checks.same("of deleted ground truth", told, ["car", None, None, "p"])


def failing(checks: Checks, client: nucleus.NucleusClient, model: nucleus.Model) -> None:
    """One item with too many pairs, which is said in words after a second, in which it can be cancelled."""
    dataset = dataset_of(client, "failing", ["b"])
    dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, "b", str(i)) for i in range(MANY)])
    run = dataset.create_model_run("failing", reference_id=model.reference_id)
    run.predict([box("b", str(i), x=0, y=0, width=10, height=10) for i in range(MANY)])
    benchmark = benchmark_of(client, "failing", dataset)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(benchmark.create_evaluation_v2, run.model_run_id)  # which waits for its end, too
        while not (begun := client.list_evaluations_v2(run.model_run_id)):
            time.sleep(LOOK)
        last = begun[0].cancel()
    checks.same("cancelled", last.status, "cancelled")
    checks.same("its end", done(last).status, "cancelled")
    checks.raises("its charts", "NucleusAPIError 409", "cancelled", last.charts)
    checks.raises("its examples", "NucleusAPIError 409", "cancelled", last.examples, "TP")
    checks.same("again", last.cancel().status, "cancelled")
    checks.raises("not tried again", "NucleusAPIError 409", "cancelled", last.retry)
    one = benchmark.create_evaluation_v2(run.model_run_id, name="failing")
    checks.raises("its wait", "RuntimeError", "pairs", done, one)
    checks.same("its status", one.status, "failed")
    checks.raises("its charts then", "NucleusAPIError 409", "failed", one.charts)
    again = one.retry()
    told = [again.id != one.id, again.name, again.benchmark_id]
    checks.same("a new one", told, [True, "failing", benchmark.id])
    checks.raises("which fails, too", "RuntimeError", "pairs", done, again)
    checks.raises("a commit", "NucleusAPIError 422", "pairs", run.commit)
    info = run.info()
    checks.holds("its run", info["status"] == "Failed" and "pairs" in info["error"], info)


def leaderboards(checks: Checks) -> None:
    """Two models on one benchmark, and one of them on another, by every figure."""
    if not ON_BENCHMARKS:
        return
    client = connect()
    dataset, run = upload(client, "leaderboards", ("box",))
    benchmark = benchmark_of(client, "leaderboards", dataset)
    worse = dataset.create_model_run("worse", reference_id=model_of(client, "worse").reference_id)
    worse.predict([box("scene 0", "p", x=0, y=0, width=10, height=10, confidence=0.75)])
    best, other = (done(benchmark.create_evaluation_v2(one.model_run_id, name="n")) for one in (run, worse))
    stats = wanted("labelled")["stats"]
    figures = {"MAP_50": "AP50", "MAP_50_95": "AP", "AP_SMALL": "APs", "AP_MEDIUM": "APm", "AP_LARGE": "APl"}
    for metric, name in figures.items():
        found = client.leaderboard_ranking(metric, [benchmark.id])
        checks.same(f"{metric}: order", [[one.rank, one.evaluation_id] for one in found], [[1, best.id], [2, other.id]])
        checks.holds(f"{metric}: score", abs(found[0].score - stats[name]) <= 1e-12, [found[0].score, stats[name]])
    told = found[0]
    checks.same("what it tells", [told.model_run_id, told.evaluation_name], [run.model_run_id, "n"])
    sure = best.charts(filters={"confidenceRange": {"min": 0.5}}).totalCounts
    ratios = {
        "PRECISION": sure.tp / (sure.tp + sure.fp),
        "RECALL": sure.tp / (sure.tp + sure.fn),
        "F1": 2 * sure.tp / (2 * sure.tp + sure.fp + sure.fn),
    }
    for metric, ratio in ratios.items():
        found = client.leaderboard_ranking(metric, [benchmark.id], confidence_threshold=0.5)
        score = next(one.score for one in found if one.evaluation_id == best.id)
        checks.holds(f"{metric} from 0.5 on", abs(score - ratio) <= 1e-12, [score, ratio])
    curves = client.leaderboard_f1_curve([benchmark.id])
    checks.same("curves", [one.evaluation_id for one in curves], [best.id, other.id])
    points = {round(point.confidence_threshold, 2): point.score for point in curves[0].points}
    checks.holds("F1 of a curve", abs(points[0.5] - ratios["F1"]) <= 1e-12, points[0.5])
    checks.holds("the best F1", curves[0].best_f1 == max(points.values()), curves[0].best_f1)
    checks.same("one curve", len(client.leaderboard_f1_curve([benchmark.id], top_n=1)), 1)
    again = done(benchmark.create_evaluation_v2(run.model_run_id))
    every = client.leaderboard_ranking("MAP_50", [benchmark.id], collapse="allEvaluations")
    checks.same("all evaluations", [one.rank for one in every], [1, 1, 3])
    checks.same("the best of each model", len(client.leaderboard_ranking("MAP_50", [benchmark.id])), 2)
    models = [run.info()["model_id"]]
    checks.same("of some models", len(client.leaderboard_ranking("MAP_50", [benchmark.id], model_ids=models)), 1)
    again.delete()
    second = benchmark_of(client, "leaderboards 2", dataset)
    checks.same("nothing yet", client.leaderboard_ranking("F1", [second.id]), [])
    checks.raises("another figure", "NucleusAPIError 400", "metric", client.leaderboard_ranking, "IOU", [benchmark.id])
    checks.raises("no benchmarks", "NucleusAPIError 400", "benchmark_ids", client.leaderboard_f1_curve, [])
    checks.raises("unknown", "NucleusAPIError 404", "bm_nothing", client.leaderboard_f1_curve, ["bm_nothing"])
