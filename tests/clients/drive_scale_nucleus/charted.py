"""Charts, examples and filters of an evaluation, judged against pycocotools' figures and against each other."""

from typing import Any

from judging import VERSION, Checks
from scenes import FILTER, SCENES, close, wanted

AT_ONCE = 100  # examples of a page, at most
FILTERED = {
    "confidenceRange": {"min": FILTER["confidence"]},
    "predLabels": FILTER["labels"],
    "gtLabels": FILTER["labels"],
    "itemMetadata": [{"key": "odd", "op": "EQ", "value": False}],
}


def judge_charts(checks: Checks, name: str, charts: Any, expected: dict[str, Any], at: str = "0.5") -> None:
    """All charts of an evaluation at an IoU threshold."""
    charts = charts.dict()
    stats, here = expected["stats"], expected["at"][at]
    maps = {"mapAt50": stats["AP50"], "mapAt75": stats["AP75"], "mapAt5095": stats["AP"]}
    close(checks, f"{name}: maps", charts["mapSummary"], maps)
    sizes = {"small": stats["APs"], "medium": stats["APm"], "large": stats["APl"]}
    close(checks, f"{name}: sizes", charts["apBySize"], sizes)
    classes = [{"classLabel": one["label"], "ap": one["ap"]} for one in expected["per_class"] if one["ap"] is not None]
    close(checks, f"{name}: classes", charts["perClassAp"], classes)
    curve = [
        {"classLabel": label, "recall": i / 100, "precision": value}
        for label, values in sorted(expected["curves"][at].items())
        for i, value in enumerate(values)
    ]
    close(checks, f"{name}: curve", charts["prCurve"], curve)
    scored = sum(expected["histogram"])
    checks.same(f"{name}: counts", charts["totalCounts"], here["counts"] | {"predsWithConfidence": scored})
    buckets = [
        {"bucketMin": i / 20, "bucketMax": (i + 1) / 20, "count": count}
        for i, count in enumerate(expected["histogram"])
    ]
    close(checks, f"{name}: histogram", charts["scoreHistogram"], buckets)
    close(checks, f"{name}: thresholds", charts["computedIouRanges"], [0.5 + i / 20 for i in range(10)])
    rows, columns = _sums(charts["confusionMatrix"])
    objects = {one["label"]: one["objects"] for one in expected["per_class"] if one["objects"]}
    predictions = {label: number for label, number in here["predictions"].items() if number}
    checks.same(f"{name}: confusion, objects", rows, objects)
    checks.same(f"{name}: confusion, predictions", columns, predictions)
    tide = charts["tideAttribution"]
    found = here["counts"]["tp"] + here["counts"]["fp"]
    faults = sum(number for fault, number in tide.items() if fault != "missed")
    checks.same(f"{name}: TIDE", [tide["truePositive"], faults], [here["counts"]["tp"], found])
    checks.holds(f"{name}: TIDE, missed", 0 <= tide["missed"] <= here["counts"]["fn"], tide)


def _sums(matrix: list[dict[str, Any]]) -> tuple[dict[str, int], dict[str, int]]:
    rows: dict[str, int] = {}
    columns: dict[str, int] = {}
    for cell in matrix:
        for sums, label in ((rows, cell["gtLabel"]), (columns, cell["predLabel"])):
            if label != "(none)":
                sums[label] = sums.get(label, 0) + cell["count"]
    return rows, columns


def pages(evaluation: Any, match_type: str | None, limit: int = AT_ONCE, **more: Any) -> tuple[list[Any], int]:
    """All examples of a type, page by page, and the total that the first page tells."""
    given = {"limit": limit, **more} | ({"match_type": match_type} if match_type else {})
    page = evaluation.examples(**given)
    rows, total = list(page.rows), page.total
    while len(page.rows) == limit:
        page = evaluation.examples(**given, offset=len(rows))
        rows += page.rows
    return rows, total


def judge_examples(checks: Checks, name: str, evaluation: Any, **asked: Any) -> list[Any]:
    """Examples of all types: as many as the charts count, each once, with the members of its type; returns them."""
    counts = evaluation.charts(**asked).totalCounts
    every: list[Any] = []
    for match_type, count in (("TP", counts.tp), ("FP", counts.fp), ("FN", counts.fn)):
        rows, total = pages(evaluation, match_type, **asked)
        checks.same(f"{name}: {match_type}", [len(rows), total], [count, count])
        wrong = [row.id for row in rows if not _fits(row, match_type, evaluation.id)]
        checks.same(f"{name}: {match_type} that are none", wrong, [])
        every += rows
    checks.same(f"{name}: each once", len({row.id for row in every}), len(every))
    return every


def judge_all_types(checks: Checks, evaluation: Any, every: list[Any]) -> None:
    """That examples of no type are those of all types."""
    rows, total = pages(evaluation, None)
    ids = [sorted(row.id for row in some) for some in (rows, every)]
    checks.same("of all types", [total, ids[0]], [len(every), ids[1]])


def _fits(row: Any, match_type: str, evaluation_id: str) -> bool:
    fits = row.match_type == match_type and row.true_positive == (match_type == "TP")
    fits = fits and row.evaluation_id == evaluation_id and bool(row.dataset_item_id)
    if match_type == "FN":
        return fits and row.model_prediction_id is None and row.ground_truth_annotation_id is not None
    if match_type == "FP":
        return fits and row.model_prediction_id is not None and row.pred_raw_label is not None
    same = row.pred_canonical_label == row.gt_canonical_label and row.iou >= 0.5
    return fits and same and None not in (row.model_prediction_id, row.ground_truth_annotation_id)


def judge_rows(checks: Checks, name: str, rows: list[Any], numbers: list[int]) -> None:
    """That the examples are all the objects and predictions of scenes, but those that are, or are in, crowds."""
    items = {row.dataset_item_id for row in rows}
    checks.holds(f"{name}: items", len(items) <= len(numbers), [len(items), len(numbers)])
    truth, found = set(), set()
    for row in rows:
        number = row.item_metadata["number"]
        if row.match_type != "FP":
            truth.add((number, int(row.ground_truth_annotation_id.strip("t"))))
        if row.match_type != "FN":
            found.add((number, int(row.model_prediction_id.strip("p"))))
    objects = {(i, j) for i in numbers for j, one in enumerate(SCENES["pictures"][i][0]) if not one["crowd"]}
    checks.same(f"{name}: objects", sorted(truth), sorted(objects))
    uploaded = {(i, j) for i in numbers for j in range(len(SCENES["pictures"][i][1]))}
    checks.holds(f"{name}: predictions", found <= uploaded, sorted(found - uploaded))
    wrong = [row.id for row in rows if not _as_uploaded(row)]
    checks.same(f"{name}: what they tell", wrong, [])


def _as_uploaded(row: Any) -> bool:
    """Whether an example has the label, the confidence, the area and the metadata that were uploaded."""
    there, seen = SCENES["pictures"][row.item_metadata["number"]]
    fits = True
    if row.ground_truth_annotation_id is not None:
        one = there[int(row.ground_truth_annotation_id.strip("t"))]
        area = one["box"][2] * one["box"][3]
        fits = row.gt_raw_label == one["label"] and row.gt_area == area
        fits = fits and row.annotation_row["geometry"]["x"] == one["box"][0]
    if row.model_prediction_id is not None:
        place = int(row.model_prediction_id.strip("p"))
        one = seen[place]
        fits = fits and [row.pred_raw_label, row.confidence] == [one["label"], one["score"]]
        fits = fits and row.prediction_metadata == {"place": place} and row.prediction_row["type"] == "box"
    return bool(fits)


def judge_orders(checks: Checks, evaluation: Any, positions: dict[str, int]) -> None:
    """Examples in every order, through pages of an odd size; `positions` has the places of items by their ids."""
    values = {
        "confidence": lambda row: row.confidence,
        "iou": lambda row: row.iou,
        "gt_area": lambda row: row.gt_area,
        "dataset_item_id": lambda row: positions[row.dataset_item_id],
    }
    for sort_by, value in values.items():
        for sort_order in ("ASC", "DESC"):
            rows, total = pages(evaluation, "FP", 43, sort_by=sort_by, sort_order=sort_order)
            got = [value(row) for row in rows]
            known = [one for one in got if one is not None]
            wanted_order = sorted(known, reverse=sort_order == "DESC") + [None] * (len(got) - len(known))
            fine = got == wanted_order and total == len({row.id for row in rows})
            checks.holds(f"{sort_by} {sort_order}", fine, got)


def judge_filters(checks: Checks, evaluation: Any, way: str) -> None:
    """Each filter by what its examples are, that all add up, and one with all of them against pycocotools."""
    judge_charts(checks, "filtered", evaluation.charts(filters=FILTERED), wanted(way))
    rows = judge_examples(checks, "filtered", evaluation, filters=FILTERED)
    checks.holds("filtered: items", all(not row.item_metadata["odd"] for row in rows))
    if (0, 20) <= VERSION < (0, 22):
        return  # the requests are those of 0.22
    several: dict[str, tuple[dict[str, Any], Any]] = {
        "IoU": ({"iouRange": {"min": 0.2, "max": 0.6}}, lambda row: 0.2 <= row.iou <= 0.6),
        "equal labels": ({"labelEquality": "EQ"}, lambda row: row.pred_raw_label == row.gt_raw_label),
        "other labels": ({"labelEquality": "NEQ"}, lambda row: row.pred_raw_label != row.gt_raw_label),
        "with ground truth": ({"hasGroundTruth": True}, lambda row: row.ground_truth_annotation_id is not None),
        "without": ({"hasGroundTruth": False}, lambda row: row.ground_truth_annotation_id is None),
        "background": ({"tideBackground": True}, lambda row: row.match_type == "FP"),
        "area": ({"gtAreaRange": {"max": 1024}}, lambda row: row.gt_area is None or row.gt_area <= 1024),
        "metadata of predictions": (
            {"predictionMetadata": [{"key": "place", "op": "LT", "value": 3}]},
            lambda row: row.model_prediction_id is None or row.prediction_metadata["place"] < 3,
        ),
        "metadata of items": (
            {"itemMetadata": [{"key": "number", "op": "IN", "value": [1, 2, 5]}]},
            lambda row: row.item_metadata["number"] in (1, 2, 5),
        ),
        "confidence": (
            {"confidenceRange": {"min": 0.5, "max": 0.75}},
            lambda row: row.match_type == "FN" or 0.5 <= row.confidence <= 0.75,
        ),
    }
    for name, (filters, holds) in several.items():
        rows = judge_examples(checks, name, evaluation, filters=filters)
        checks.holds(f"{name}: what it keeps", bool(rows) and all(map(holds, rows)), [len(rows), filters])
    tide = evaluation.charts(filters={"tideBackground": True})
    checks.same("background: TIDE", tide.totalCounts.fp, evaluation.charts().tideAttribution.background)
    for name, filters in {
        "an unknown filter": {"colour": "red"},
        "a text for a number": {"iouRange": {"min": "0.5"}},
        "a label for labels": {"predLabels": "cat"},
        "another equality": {"labelEquality": "LIKE"},
    }.items():
        checks.raises(name, "NucleusAPIError 400", "filters", evaluation.charts, filters=filters)
        checks.raises(f"examples: {name}", "NucleusAPIError 400", "filters", evaluation.examples, "TP", filters=filters)
    checks.raises("slices", "NucleusAPIError 501", "sliceIds", evaluation.charts, filters={"sliceIds": ["slc_1"]})
    checks.raises("a query", "NucleusAPIError 501", "query", evaluation.charts, query='label = "cat"')


def judge_limits(checks: Checks, evaluation: Any) -> None:
    """What is asked for wrongly is told in words."""
    for threshold in (0.05, 1.5):
        checks.raises(f"IoU {threshold}", "NucleusAPIError 400", "iou", evaluation.charts, threshold)
    for name, wrong in {
        "a page too large": {"limit": 101},
        "a page of nothing": {"limit": 0},
        "another type": {"match_type": "TN"},
        "another order": {"sort_by": "label"},
        "another direction": {"sort_by": "iou", "sort_order": "up"},
        "before the first": {"offset": -1},
    }.items():
        checks.raises(name, "NucleusAPIError 400", '{"error":"', evaluation.examples, **({"match_type": "TP"} | wrong))
    behind = evaluation.examples("TP", offset=10_000)
    counts = evaluation.charts().totalCounts
    checks.same("behind the last", [len(behind.rows), behind.total], [0, counts.tp])
