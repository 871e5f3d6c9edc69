"""What a teacher adds to the labels of a view."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from container.datasets.base import Annotation, Photo
from container.training.augment import View
from tests.embedded import distil
from tests.embedded.distil import Imitation, TaughtSamples, shares

HERE, THERE = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
PERSON, CAT, DOG = 1, 2, 3


def seen(rows: list[tuple[tuple[float, ...], int, float]], sure: list[bool], complete: list[int]) -> dict:
    boxes, classes, right = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "taught_boxes": torch.tensor(boxes).reshape(-1, 4),
        "taught_classes": torch.tensor(classes, dtype=torch.int64),
        "taught_shares": torch.tensor(right),
        "sure": torch.tensor(sure, dtype=torch.bool),
        "complete": torch.tensor([0, *complete]),
    }


@pytest.mark.parametrize(
    ("label", "sure", "complete", "expected"),
    [
        pytest.param(CAT, True, [], [0, 0, 1, 0], id="a true label is not doubted"),
        pytest.param(CAT, False, [], [0.1, 0, 0.75, 0.15], id="a model's label counts half"),
        pytest.param(0, False, [], [0.2, 0, 0.5, 0.3], id="what nobody labelled is what the teacher sees"),
        pytest.param(0, False, [CAT], [0.7, 0, 0, 0.3], id="but for classes that are labelled everywhere"),
    ],
)
def test_shares(label: int, sure: bool, complete: list[int], expected: list[float]) -> None:
    target = seen([(HERE, CAT, 0.5), (HERE, CAT, 0.2), (HERE, DOG, 0.3), (THERE, PERSON, 0.9)], [sure], complete)
    found = shares(torch.tensor([HERE]), torch.tensor([0]), torch.tensor([label]), target, 4)
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], [1.0, 0, 0, 0]),
        ([(THERE, DOG, 0.9)], [1.0, 0, 0, 0]),
        ([(HERE, CAT, 0.9), (HERE, DOG, 0.6)], [0, 0, 0.6, 0.4]),
    ],
    ids=["nothing", "elsewhere", "more than one in all"],
)
def test_shares_of_a_photo_without_labels(rows: list, expected: list[float]) -> None:
    found = shares(torch.tensor([HERE]), torch.tensor([0]), torch.tensor([0]), seen(rows, [], []), 4)
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


def test_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo of ImageNet's with a true cat and a dog that a model found; the teacher sees a person, and a kite."""
    mini = tmp_path / "data/coco_mini/instances.json"
    mini.parent.mkdir(parents=True)
    names = ("person", "cat", "dog", "kite")
    mini.write_text(distil.json.dumps({"categories": [{"id": 10 * i, "name": n} for i, n in enumerate(names, 1)]}))
    path = tmp_path / "extra_many_masks/images/a.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    objects = (Annotation((0, 0, 60, 60), "cat"), Annotation((4, 4, 64, 64), "dog", score=0.999999))
    photo = Photo(1, path, 64, 64, objects)

    class Teacher:
        def __init__(self, material: Path) -> None:
            assert material == tmp_path

        def __call__(self, view: torch.Tensor) -> list[np.ndarray]:
            boxes = np.array([HERE, THERE, HERE])
            features = [np.ones((96, side, side), np.float16) for side in (26, 13)]
            return [np.array([0, 3, 0]), boxes, np.array([0.85, 0.9, 0.1]), *features]

    monkeypatch.setattr(distil, "Teacher", Teacher)
    labels = ("__background__", "person", "cat", "dog")
    samples = TaughtSamples(tmp_path, [photo], labels, View(64, (1.0, 1.0), 0))
    _, target = samples[0]
    assert target["labels"].tolist() == [CAT, DOG] and target["sure"].tolist() == [True, False]
    assert target["taught_boxes"].tolist() == [list(HERE)] and target["taught_classes"].tolist() == [PERSON]
    assert target["taught_shares"].tolist() == pytest.approx([0.99]) and target["complete"].tolist() == [0]
    assert target["features_16"].shape == (96, 26, 26) and target["features_32"].dtype == torch.float32


def test_imitation_learns_what_can_be_learnt() -> None:
    torch.manual_seed(0)
    levels = {"0": torch.randn(2, 128, 52, 52), "1": torch.randn(2, 128, 26, 26), "half_1": torch.randn(2, 128, 13, 13)}
    features = {"features_16": 3 * levels["1"][:, :96] + 7, "features_32": levels["half_1"][:, :96]}
    targets = [{name: both[i] for name, both in features.items()} for i in range(2)]
    imitation = Imitation(targets)
    optimizer = torch.optim.AdamW(imitation.parameters(), 0.02)
    losses = []
    for _ in range(40):
        losses.append(imitation(levels, targets))
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.5 * losses[0]
