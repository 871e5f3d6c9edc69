"""Rules that leave items, or some of their truth and predictions, out of an evaluation.

{"type": "metadata", "scope": "item", "key": "night", "op": "EQ", "value": true}
{"type": "labels", "scope": "annotation", "target": "prediction", "labels": ["ignore"]}
{"type": "boxArea", "scope": "item", "target": "groundTruth", "min": 16, "max": 4096}  # pixels
"""

from collections.abc import Mapping, Sequence
from typing import Any

from container.evaluation.filters import Predicate
from container.scoring.objects import Object

Rule = Mapping[str, Any]


def kept(
    rules: Sequence[Rule], metadata: Mapping[str, Any], truth: list[Object], found: list[Object]
) -> tuple[list[Object], list[Object]] | None:
    """Return an item's truth and predictions that no rule leaves out; None if one leaves the item out."""
    for rule in rules:
        if rule["type"] == "metadata":
            if Predicate(rule["key"], rule["op"], rule["value"]).holds(metadata):
                return None
            continue
        side = truth if rule["target"] == "groundTruth" else found
        labels = frozenset(rule.get("labels", ()) if side else ())
        left = [one for one in side if not (one.label in labels or _outside(rule, one))]
        if len(left) < len(side) and rule["scope"] == "item":
            return None
        if rule["target"] == "groundTruth":
            truth = left
        else:
            found = left
    return truth, found


def _outside(rule: Rule, one: Object) -> bool:
    """Return whether the area of an object is less or more than a rule keeps."""
    if rule["type"] != "boxArea" or one.kind != "box":
        return False
    area = float(one.shape[2]) * float(one.shape[3])
    low, high = rule.get("min"), rule.get("max")
    return (low is not None and area < low) or (high is not None and area > high)
