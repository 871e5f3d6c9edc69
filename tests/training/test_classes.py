"""Rows of a weights file's classes, in their places for other classes."""

import pytest
import torch

from container.training import classes

LABELS = ("__background__", "dog", "cat")


def rows(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


@pytest.mark.parametrize(
    ("name", "names", "given", "expected"),
    [
        # A row a class; -1 is what the network had.
        ("head.cls_score.weight", ("__background__", "cat", "owl"), (1, 2, 3), (1, -1, 2)),
        ("head.cls_score.weight", ("cat", "owl"), (1, 2, 3), (1, -1, 2)),
        ("head.cls_score.weight", ("n/a", "dog", "cat"), (1, 2, 3), (1, 2, 3)),
        ("classifier.weight", ("background", "owl"), (1, 2), (1, -1, -1)),
        # Two anchors with all classes each.
        ("head.cls_logits.weight", ("cat",), (1, 2, 3, 4), (1, -1, 2, 3, -1, 4)),
        # Two corners of each class: what is new starts as the mean of the objects.
        ("head.bbox_pred.weight", ("cat", "owl"), (1, 1, 2, 4, 4, 6), (1, 1, 3, 5, 2, 4)),
    ],
)
def test_rows_go_where_the_network_has_their_class(
    name: str, names: tuple[str, ...], given: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    own = {name: torch.full((len(expected), 1), -1.0)}
    found = classes.moved({name: rows(*given).half()}, own, names, LABELS, [name])
    assert found[name].dtype == torch.float32 and found[name].tolist() == rows(*expected).tolist()
    assert (own[name] == -1).all()


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (("a", "b", "c", "d"), {"w": rows(1, 2, 3)}),  # names of other weights
        (("cat",), {"w": torch.ones(2, 5)}),  # of another width
        (("cat",), {"v": rows(1, 2)}),
    ],
)
def test_what_does_not_fit_is_left_out(names: tuple[str, ...], state: dict[str, torch.Tensor]) -> None:
    assert classes.moved(state, {"w": rows(0, 0, 0)}, names, LABELS, ["w"]) == {}


def test_shared_classes_are_those_of_both() -> None:
    assert classes.shared(("__background__", "owl", "cat"), LABELS) == ["cat"]
