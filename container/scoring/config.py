"""What decides which prediction may stand for which truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from container.errors import BadRequest, shown


@dataclass(frozen=True)
class Config:
    """The rules of one comparison. Equal labels always fit."""

    class_agnostic: bool = True  # pairs of a commit need no labels that fit; true positives do
    allowed: tuple[tuple[str, str], ...] = ()  # labels of truth and prediction that fit, too
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()  # a class, and the labels that count as it on both sides
    exclusions: tuple[Mapping[str, Any], ...] = ()  # see exclusions.py

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return what `as_dict` has written, once it has been JSON."""
        return cls(
            document["class_agnostic"],
            tuple((truth, found) for truth, found in document["allowed"]),
            tuple((name, tuple(labels)) for name, labels in document["groups"]),
            tuple(document["exclusions"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it in types that JSON has."""
        return {
            "class_agnostic": self.class_agnostic,
            "allowed": [list(pair) for pair in self.allowed],
            "groups": [[name, list(labels)] for name, labels in self.groups],
            "exclusions": [dict(rule) for rule in self.exclusions],
        }

    def counted_as(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the labels that truth and predictions count as in figures, by those of their upload.

        Average precision knows one class for each object: BadRequest where a prediction's label is allowed for several
        labels of truth, or where two stand for each other.
        """
        groups = {label: name for name, labels in self.groups for label in labels}
        found = dict(groups)
        for truth, label in self.allowed:
            if truth == label:
                continue
            if found.get(label, truth) != truth:
                raise BadRequest(
                    f"predictions of {shown(label)} are allowed for {shown(found[label])} and for {shown(truth)}; "
                    "figures take one label of truth for each label of predictions"
                )
            found[label] = truth
        for label, truth in found.items():
            if label not in groups and truth in found and found[truth] != truth:
                raise BadRequest(
                    f"predictions of {shown(label)} are allowed for {shown(truth)}, and those of {shown(truth)} for "
                    f"{shown(found[truth])}; figures take one label of truth for each label of predictions"
                )
        return groups, found
