"""What a detector learns from: objects of a view, and those that are pasted onto it."""

import random
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch

from container.datasets import coco
from container.training.augment import View
from container.training.detection import DetectionTask
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item, Objects, ObjectSamples, _boxes_around, paste, visible
from container.training.segmentation import SegmentationTask
from tests.training import folders

LABELS = ("__background__", "square", "disc")
SIDE = 10


def objects(pixel: int, *boxes: tuple[int, int, int, int], masked: bool = True) -> Objects:
    """Rectangles of classes 1, 2, … in a picture of one value, SIDE×SIDE pixels."""
    masks = torch.zeros(len(boxes), SIDE, SIDE, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Objects(
        torch.full((3, SIDE, SIDE), pixel, dtype=torch.uint8),
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.arange(1, len(boxes) + 1),
        masks if masked else None,
    )


@pytest.mark.parametrize("box", [(0, 0, 10, 10), (3, 0, 4, 1), (9, 9, 10, 10), (2, 3, 7, 9)])
def test_boxes_are_tight_around_masks(box: tuple[int, int, int, int]) -> None:
    masks = objects(0, box).masks
    assert masks is not None and _boxes_around(masks).tolist() == [list(box)]


def test_the_box_of_an_empty_mask_is_zero() -> None:
    assert _boxes_around(torch.zeros(1, 4, 6, dtype=torch.bool)).tolist() == [[0, 0, 0, 0]]
    assert _boxes_around(torch.zeros(0, 4, 6, dtype=torch.bool)).shape == (0, 4)


@pytest.mark.parametrize("masked", [True, False])
def test_objects_of_fewer_than_three_pixels_a_side_are_dropped(masked: bool) -> None:
    left = visible(objects(0, (0, 0, 3, 3), (0, 0, 2, 9), (0, 0, 9, 2), (4, 4, 9, 9), masked=masked))
    assert left.classes.tolist() == [1, 4] and left.boxes.tolist() == [[0, 0, 3, 3], [4, 4, 9, 9]]
    assert (left.masks is not None) == masked and (left.masks is None or len(left.masks) == 2)


def test_boxes_are_drawn_anew_around_what_is_left_of_masks() -> None:
    seen = objects(0, (0, 0, 8, 8))
    assert seen.masks is not None
    seen.masks[0, :, 5:] = False
    assert visible(seen).boxes.tolist() == [[0, 0, 5, 8]]


@pytest.mark.parametrize(
    ("pasted", "classes", "boxes"),
    [
        ((5, 5, 10, 10), [1, 1], [[0, 0, 8, 4], [5, 5, 10, 10]]),  # touches nothing
        ((0, 0, 3, 10), [1, 1], [[3, 0, 8, 4], [0, 0, 3, 10]]),  # covers a part
        ((0, 0, 7, 10), [1], [[0, 0, 7, 10]]),  # leaves an eighth of it
        ((0, 0, 10, 10), [1], [[0, 0, 10, 10]]),  # covers it
    ],
)
def test_what_is_pasted_covers_and_what_is_covered_is_dropped(
    pasted: tuple[int, int, int, int], classes: list[int], boxes: list[list[float]]
) -> None:
    seen = paste(objects(10, (0, 0, 8, 4)), objects(200, pasted), torch.tensor([True]))
    assert seen.classes.tolist() == classes and seen.boxes.tolist() == boxes
    assert seen.masks is not None and seen.masks.sum(0).max() == 1
    x1, y1, x2, y2 = pasted
    assert (seen.pixels[:, y1:y2, x1:x2] == 200).all()
    assert (seen.pixels == 200).sum() == 3 * (y2 - y1) * (x2 - x1)


def test_only_what_is_chosen_is_pasted() -> None:
    onto, other = objects(10), objects(200, (0, 0, 4, 4), (5, 5, 9, 9))
    assert paste(onto, other, torch.tensor([False, True])).classes.tolist() == [2]
    nothing = paste(objects(10, (0, 0, 8, 4)), other, torch.tensor([False, False]))
    assert nothing.classes.tolist() == [1] and (nothing.pixels == 10).all()


def samples(folder: Path, masks: bool = True, copy_paste: float = 0.0, scales: tuple[float, float] = (1, 1)) -> Item:
    """One item of the first photo, at SIZE."""
    torch.manual_seed(1)
    random.seed(1)
    photos = coco.read(folders.write(folder, masks=masks)).photos
    return ObjectSamples(photos, LABELS, View(64, scales, mask_fill=0), copy_paste)[0]


def test_an_item_is_what_torchvisions_detectors_take(tmp_path: Path) -> None:
    pixels, target = samples(tmp_path / "shapes")
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.float32)
    assert 0 <= pixels.min() < pixels.max() <= 1
    assert target["labels"].tolist() == [2, 1]  # the crowd is none of them
    assert target["boxes"].dtype == torch.float32 and target["labels"].dtype == torch.int64
    assert (target["masks"].shape, target["masks"].dtype) == ((2, 64, 64), torch.uint8)
    assert torch.equal(target["boxes"], _boxes_around(target["masks"].bool()))


def test_a_photo_without_masks_has_none_in_its_item(tmp_path: Path) -> None:
    _, target = samples(tmp_path / "shapes", masks=False, copy_paste=1.0)
    assert set(target) == {"boxes", "labels"} and len(target["boxes"]) == 2


@pytest.mark.parametrize("task", [DetectionTask(), SegmentationTask()])
def test_labels_lie_on_what_exif_turned(task: Any, tmp_path: Path) -> None:
    [photo] = coco.read(folders.write(tmp_path / "shapes", photos=1)).photos
    hyperparameters = Hyperparameters(image_size=64, scale_low=1, scale_high=1, copy_paste=0)
    exif = PIL.Image.Exif()
    exif[274] = 6
    picture = PIL.Image.open(photo.path)
    picture.load()
    picture.save(photo.path, exif=exif)
    torch.manual_seed(1)
    pixels, target = task.samples([photo], LABELS, hyperparameters)[0]
    discs, squares = target["masks"].bool() if "masks" in target else (target["map"] == 2, target["map"] == 1)
    red, blue = pixels[:, discs].mean(1), pixels[:, squares].mean(1)
    assert red[0] >= red[2] and blue[2] >= blue[0]  # unless colours were taken away, as may be
    assert not torch.equal(red, blue)


def test_objects_are_pasted_where_that_is_asked(tmp_path: Path) -> None:
    photos = coco.read(folders.write(tmp_path / "shapes")).photos
    torch.manual_seed(1)
    random.seed(1)
    counts = {}
    for share in (0.0, 1.0):
        drawn = ObjectSamples(photos, LABELS, View(64, (0.6, 0.9), mask_fill=0), share)
        counts[share] = [len(drawn[i % 3][1]["boxes"]) for i in range(30)]
    assert max(counts[0.0]) == 2 and max(counts[1.0]) > 2


def test_an_object_is_there_in_that_share_of_the_views_that_its_score_says(tmp_path: Path) -> None:
    def edit(described: Any) -> None:
        for one in described["annotations"]:
            one["score"] = {7: 0.75, 3: 1}[one["category_id"]]

    photos = coco.read(folders.change(folders.write(tmp_path / "shapes", photos=1), edit)).photos
    drawn = ObjectSamples(photos, LABELS, View(64, (1, 1), mask_fill=0))
    random.seed(1)
    seen = [drawn[0][1] for _ in range(100)]
    assert all(len(target["masks"]) == len(target["boxes"]) for target in seen)
    discs, squares = (sum(class_ in target["labels"] for target in seen) for class_ in (2, 1))
    assert squares == 100 and 65 <= discs <= 85


class NotingView(View):
    """A view that keeps whether it was asked for a close-up."""

    near: list[bool]

    def __call__(self, *seen: Any, near: bool = False) -> Any:
        self.near.append(near)
        return super().__call__(*seen, near=near)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 5, 25), (1.0, 50, 50)])
def test_a_share_of_the_views_are_close_ups(share: float, least: int, most: int, tmp_path: Path) -> None:
    view = NotingView(64, (1, 1), mask_fill=0)
    view.near = []
    drawn = ObjectSamples(coco.read(folders.write(tmp_path / "shapes")).photos, LABELS, view, close_ups=share)
    random.seed(1)
    assert all(len(drawn[i % 3][0]) == 3 for i in range(50))
    assert least <= sum(view.near) <= most


def test_a_view_without_an_object_has_an_empty_target(tmp_path: Path) -> None:
    photos = coco.read(folders.write(tmp_path / "shapes"), only=("disc",)).photos
    _, target = ObjectSamples(photos, ("__background__", "square"), View(64, (1, 1), mask_fill=0), 0.0)[0]
    assert (target["boxes"].shape, target["labels"].shape, target["masks"].shape) == ((0, 4), (0,), (0, 64, 64))
