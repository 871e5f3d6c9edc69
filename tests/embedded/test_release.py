"""One confidence for all classes, where each is right most often; classes that leave the network leave it whole."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from container.engines.kinds.maskrcnn_mobilenet_v2_fpn import build
from container.evaluation.average_precision import Matches
from tests.embedded.release import (
    CONFIDENCE,
    PREDICTOR,
    SCORES,
    averaged,
    best_thresholds,
    hardly_found,
    shifted,
    without,
)


def matches(*classes: list[tuple[float, bool]], truth: int = 200) -> Matches:
    """Scores and hits of each class, of so many objects each."""
    rows = [(one, *row) for one, found in enumerate(classes) for row in found]
    numbers, scores, hits = (np.array(column) for column in zip(*rows, strict=True))
    of_truth = np.repeat(np.arange(len(classes)), truth)
    none = np.zeros(0, np.int64)
    return Matches(none, numbers, scores, hits, none, none, of_truth, np.zeros(len(of_truth)))


SURE = [(0.92, True)] * 150 + [(0.6, False)] * 150
UNSURE = [(0.4, True)] * 150 + [(0.2, False)] * 150
WRONG = [(0.92, True)] * 20 + [(0.93, False)] * 100


def test_the_threshold_lies_where_a_class_is_right_most_often() -> None:
    sure, unsure = best_thresholds(matches(SURE, UNSURE), 2)
    assert sure is not None and 0.6 < sure <= 0.92
    assert unsure is not None and 0.2 < unsure <= 0.4


def test_a_class_that_is_mostly_wrong_has_none() -> None:
    assert best_thresholds(matches(SURE, WRONG), 2)[1] is None


def test_a_class_of_few_objects_borrows_from_the_others() -> None:
    once = [(0.95, True), (0.5, False)]
    alone, few = best_thresholds(matches(once, truth=1), 1), best_thresholds(matches(UNSURE * 3, once, truth=1), 2)
    assert alone[0] is not None and few[1] is not None and few[1] < alone[0]


def test_a_class_stays_that_is_found_or_twice_right() -> None:
    found = matches(SURE, WRONG, [(0.6, True), (0.4, True)])
    assert hardly_found(found, [0.6, 0.9, 0.5], [0.05, 0.05, 0.05]) == [False, False, True]
    assert hardly_found(found, [0.6, None, 0.5], [0.05, 0.3, 0.3]) == [False, True, False]


def write(folder: Path, value: float, labels: list[str]) -> Path:
    """A model whose numbers all are `value`, of an architecture that exists."""
    folder.mkdir()
    rows = {"cls_score.bias": (len(labels),), "bbox_pred.weight": (4 * len(labels), 3)}
    tensors = {f"{PREDICTOR}{name}": torch.full(shape, value).half() for name, shape in rows.items()}
    save_file({"a": torch.full((2,), value).half(), **tensors}, folder / "model.safetensors")
    described = {"name": "maskrcnn", "architecture": "maskrcnn_mobilenet_v2_fpn", "labels": labels}
    (folder / "model.json").write_text(json.dumps(described | {"weights": "model.safetensors"}))
    return folder


def test_weights_are_averaged_those_of_classes_by_name(tmp_path: Path) -> None:
    first = write(tmp_path / "one", 1.0, ["__background__", "cow", "cat", "dog"])
    mean = averaged([first, write(tmp_path / "two", 3.0, ["__background__", "dog", "cat"])])
    assert mean["a"].tolist() == [2, 2] and mean["a"].dtype == torch.float16
    assert mean[SCORES].tolist() == [2, 1, 2, 2]
    assert mean[f"{PREDICTOR}bbox_pred.weight"].shape == (16, 3)


@pytest.mark.parametrize("threshold", [0.2, CONFIDENCE, 0.9])
def test_what_had_the_threshold_has_the_one_confidence(threshold: float) -> None:
    logit = float(torch.tensor(threshold).logit())
    state = {SCORES: torch.tensor([0.0, logit, 0.3])}
    shifted(state, [threshold, CONFIDENCE])
    assert state[SCORES][:2].softmax(0)[1].item() == pytest.approx(CONFIDENCE)
    assert state[SCORES][2].item() == pytest.approx(0.3)


def test_the_others_answer_as_before() -> None:
    torch.manual_seed(0)
    whole, part = build(num_classes=5).eval(), build(num_classes=3)
    part.load_state_dict(without(dict(whole.state_dict()), [0, 1, 3]))
    row = torch.rand(4, 384 + 1280)
    before, after = (network.roi_heads.box_predictor(row) for network in (whole, part.eval()))
    for was, now, width in zip(before, after, (1, 4), strict=True):
        torch.testing.assert_close(now, was.view(4, 5, width)[:, [0, 1, 3]].flatten(1))
