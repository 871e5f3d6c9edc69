"""Weights for other classes: what a file knows of a class goes to where a network has it, by its name."""

from collections.abc import Iterable, Sequence

import torch

from container.datasets.base import is_background
from container.engines.weight_files import State

_BOXES = ".bbox_pred."  # rows by class, then by corner; elsewhere they are by anchor, then by class


def moved(state: State, own: State, names: Sequence[str], labels: Sequence[str], of_classes: Iterable[str]) -> State:
    """Return those of the tensors `of_classes` that `state` has, as a network with `labels` has them.

    Rows of classes that the file does not know stay as in `own`; those of boxes become the mean of the known ones, as
    the way from a proposal to a box depends little on the class. Tensors of another number of classes than `names` are
    left out.

    Args:
        state: the file's tensors, by the network's names.
        own: the network's tensors.
        names: the file's classes in their order, with the background or without.
        labels: the network's, the background first.
    """
    fitted = {}
    for name in of_classes:
        given, mine = state.get(name), own[name]
        if given is None or given.shape[1:] != mine.shape[1:] or len(mine) % len(labels):
            continue
        known = _with_background(names, len(given) * len(labels) / len(mine))
        if known is not None:
            fitted[name] = _rows(given, mine, known, list(map(_key, labels)), _BOXES in name)
    return fitted


def shared(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return those of `labels` that `names` has too, without the background."""
    return [label for label in labels if label in names and not is_background(label)]


def _with_background(names: Sequence[str], classes: float) -> list[str] | None:
    """Return the keys of so many classes, or None if these are not their names."""
    keys = list(map(_key, names))
    return next((found for found in (keys, ["", *keys]) if len(found) == classes), None)


def _key(label: str) -> str:
    return "" if is_background(label) else label


def _rows(given: torch.Tensor, mine: torch.Tensor, known: list[str], wanted: list[str], boxes: bool) -> torch.Tensor:
    rows: torch.Tensor = mine.clone()
    each = len(mine) // len(wanted)
    first, second = (-1, each) if boxes else (each, -1)
    given, filled = given.unflatten(0, (first, second)), rows.unflatten(0, (first, second))  # views
    axis = 0 if boxes else 1
    if boxes and (objects := [i for i, label in enumerate(known) if label]):
        filled[:] = given[objects].float().mean(0)
    pairs = [(i, known.index(label)) for i, label in enumerate(wanted) if label in known]
    if pairs:
        to, of = (torch.tensor(side) for side in zip(*pairs, strict=True))
        filled.index_copy_(axis, to, given.index_select(axis, of).to(filled.dtype))
    return rows
