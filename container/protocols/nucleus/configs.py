"""How evaluations count labels, and what they leave out: members of documents, checked and as they are kept.

groups(document, "rollup_groups")  # [["vehicle", ["car", "truck"]]]
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from container.errors import BadRequest, NotOffered
from container.protocols.nucleus.bodies import flag, known, one_of, real, shown, text, texts
from container.scoring.config import Config

MAX_SIZE = 1 << 18
MOST_GROUPS, MOST_LABELS, MOST_RULES, MOST_VALUES = 1000, 10_000, 100, 1000
_LARGEST = 1e15  # an area, and a number that metadata is compared with
TAXONOMY = ("rollup_groups", "class_agnostic", "allowed_label_matches_id")
_SCOPES, _TARGETS = ("item", "annotation"), ("groundTruth", "prediction")

Pair = list[str]  # a label of ground truth, and one of predictions that may match it
Group = list[Any]  # a name, and the labels that count as it


def pairs(document: dict[str, Any], name: str) -> list[Pair]:
    """Return the labels that may match, [] if the member is missing or null; BadRequest for anything else."""
    found = []
    for one in _objects(document, name, MOST_LABELS):
        pair = known(one, "ground_truth_label", "model_prediction_label")
        found.append([text(pair, "ground_truth_label"), text(pair, "model_prediction_label")])
    return [list(pair) for pair in dict.fromkeys(map(tuple, found))]


def groups(document: dict[str, Any], name: str) -> list[Group]:
    """Return the groups of labels that count as one, [] if the member is missing or null; BadRequest for others."""
    found: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    given = _objects(document, name, MOST_GROUPS)
    if not given and document.get(name) is not None:
        raise BadRequest(f"{name} has no groups; it takes one or more, or null")
    for one in given:
        group = known(one, "class_name", "labels")
        class_name, labels = text(group, "class_name"), texts(group, "labels", most=MOST_LABELS)
        if not labels:
            raise BadRequest(f"the group {shown(class_name)} has no labels")
        if class_name in found:
            raise BadRequest(f"{name} has two groups {shown(class_name)}")
        for label in labels:
            if owners.setdefault(label, class_name) != class_name:
                raise BadRequest(
                    f"the label {shown(label)} is in two groups, {shown(owners[label])} and {shown(class_name)}"
                )
        found[class_name] = list(dict.fromkeys(labels))
    return [list(group) for group in found.items()]


def rules(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return what leaves out items or objects, [] if the member is missing or null; BadRequest for anything else."""
    return [_rule(one, f"rule {number} of {name}") for number, one in enumerate(_objects(document, name, MOST_RULES))]


def taxonomy(document: dict[str, Any]) -> tuple[list[Group], bool | None] | None:
    """Return the groups of a benchmark and whether its labels do not count, None if a document says nothing of it.

    Raises BadRequest where it says two things.
    """
    given = [
        name
        for name in ("rollup_groups", "class_agnostic", "allowed_label_matches_id")
        if document.get(name) is not None
    ]
    if len(given) > 1:
        raise BadRequest(f"{' and '.join(given)} say two things about labels; give one of them")
    refuse_saved_matches(document)
    if not given:
        return None
    if given == ["rollup_groups"]:
        return groups(document, "rollup_groups"), None
    return [], flag(document, "class_agnostic")


def refuse_saved_matches(document: dict[str, Any]) -> None:
    """Raise NotOffered for a document that names a saved configuration, of which there are none here."""
    if document.get("allowed_label_matches_id") is not None:
        raise NotOffered("not implemented: allowed_label_matches_id; send the groups or the matches themselves")


def compared_by(kept: Mapping[str, Any], class_agnostic: bool = False) -> Config:
    """Return what an evaluation is made with; `kept` has groups, pairs and rules under the names that clients use.

    Raises BadRequest where two of them say two things, or all are too large.
    """
    checked_size(dict(kept))
    labels, allowed = kept.get("rollup_groups", ()), kept.get("allowed_label_matches", ())
    if labels and allowed:
        raise BadRequest("rollup_groups and allowed_label_matches say two things about labels; give one of them")
    if labels and class_agnostic:
        raise BadRequest("rollup_groups are given, and the labels of this benchmark do not count (class_agnostic)")
    config = Config.read(
        {
            "class_agnostic": class_agnostic,
            "allowed": allowed,
            "groups": labels,
            "exclusions": kept.get("exclusion_rules", ()),
        }
    )
    config.counted_as()
    return config


def checked_size(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration; BadRequest for one that is too large for the lists that it is read in."""
    if len(json.dumps(config)) > MAX_SIZE:
        raise BadRequest(f"groups, matches and rules have over {MAX_SIZE:,} characters together")
    return config


def shown_pairs(allowed: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """Return labels that may match as clients read them."""
    return [{"ground_truth_label": truth, "model_prediction_label": found} for truth, found in allowed]


def shown_groups(kept: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return groups as clients read them."""
    return [{"class_name": name, "labels": labels} for name, labels in kept]


def _objects(document: dict[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    """Return a member that is a list of objects, [] if it is missing or null; BadRequest for anything else."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most or not all(isinstance(one, dict) for one in value):
        raise BadRequest(f"{name} is {shown(value)}; it takes a list of at most {most} objects")
    return value


def _rule(given: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a rule with the members of its type only."""
    try:
        kind = _required(given, "type", ("metadata", "labels", "boxArea"))
        if kind == "metadata":
            return _metadata_rule(known(given, "type", "scope", "key", "op", "value"))
        if kind == "labels":
            return _labels_rule(known(given, "type", "scope", "target", "labels"))
        return _area_rule(known(given, "type", "scope", "target", "min", "max"))
    except BadRequest as error:
        raise BadRequest(f"{where}: {error.message}") from None


def _metadata_rule(rule: dict[str, Any]) -> dict[str, Any]:
    one_of(rule, "scope", "item")
    op = _required(rule, "op", ("EQ", "IN", "GT", "LT"))
    value = rule.get("value")
    if op == "IN":
        good = isinstance(value, list) and 0 < len(value) <= MOST_VALUES and all(map(_scalar, value))
    else:
        good = _scalar(value) if op == "EQ" else isinstance(value, str) or _number(value)
    if not good:
        takes = {"EQ": "a text, a number, true or false", "IN": f"a list of 1 to {MOST_VALUES} of these"}
        raise BadRequest(f"value is {shown(value)}; with {op} it takes {takes.get(op, 'a text or a number')}")
    return {"type": "metadata", "scope": "item", "key": text(rule, "key"), "op": op, "value": value}


def _labels_rule(rule: dict[str, Any]) -> dict[str, Any]:
    labels = list(dict.fromkeys(texts(rule, "labels", most=MOST_LABELS)))
    if not labels:
        raise BadRequest("labels is empty; it takes one label or more")
    return {"type": "labels", **_where(rule), "labels": labels}


def _area_rule(rule: dict[str, Any]) -> dict[str, Any]:
    bounds = {name: real(rule, name, 0, _LARGEST) for name in ("min", "max")}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if not given:
        raise BadRequest("it has neither min nor max")
    if given.get("min", 0.0) > given.get("max", _LARGEST):
        raise BadRequest(f"min is {given['min']:g}, which is more than max, {given['max']:g}")
    return {"type": "boxArea", **_where(rule), **given}


def _where(rule: dict[str, Any]) -> dict[str, str]:
    return {"scope": _required(rule, "scope", _SCOPES), "target": _required(rule, "target", _TARGETS)}


def _required(rule: dict[str, Any], name: str, values: Sequence[str]) -> str:
    if rule.get(name) is None:
        raise BadRequest(f"{name} is missing; it takes {', '.join(values)}")
    return one_of(rule, name, *values)


def _scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _number(value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
