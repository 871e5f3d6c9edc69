"""Folders in COCO's format: what is read, and that every fault is a DataError that names its file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.datasets import coco
from container.datasets.coco import Annotation, Photo
from container.errors import DataError
from tests.training import folders

Described = dict[str, Any]


def test_photos_objects_and_labels_are_read(tmp_path: Path) -> None:
    dataset = coco.read(folders.write(tmp_path / "shapes"))
    assert (dataset.name, dataset.labels) == ("shapes", ("disc", "square"))
    first = dataset.photos[0]
    assert (first.id, first.path.name, first.width, first.height) == (0, "0.png", 64, 48)
    assert [(a.label, a.box, a.crowd) for a in first.annotations] == [
        ("disc", (7, 5, 25, 23), False),
        ("square", (40, 24, 56, 40), False),
        ("disc", (40, 2, 60, 12), True),
    ]
    assert [a.label for a in first.objects] == ["disc", "square"]
    assert all(photo.masked for photo in dataset.photos)


def test_masks_are_drawn_where_their_boxes_are(tmp_path: Path) -> None:
    photo = coco.read(folders.write(tmp_path / "shapes")).photos[0]
    disc, square, crowd = (photo.mask(a) for a in photo.annotations)
    assert disc.shape == (48, 64) and disc.dtype == bool
    assert 0.9 < disc.sum() / (np.pi * 81) < 1.1 and disc[14, 16] and not disc[6, 8]
    assert square.sum() == 256 and square[24:40, 40:56].all()
    assert crowd.sum() == 200


def test_objects_may_come_without_masks(tmp_path: Path) -> None:
    photo = coco.read(folders.write(tmp_path / "shapes", masks=False)).photos[0]
    assert not photo.masked and photo.annotations[1].area == 256
    assert photo.mask(photo.annotations[1]).sum() == 256


def test_a_photo_without_objects_has_all_of_their_masks() -> None:
    assert Photo(1, Path("a.png"), 4, 4).masked
    assert Photo(1, Path("a.png"), 4, 4, (Annotation((0, 0, 4, 4), "disc", crowd=True),)).masked


def test_labels_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    dataset = coco.read(folders.write(tmp_path / "shapes"), only=("square",))
    assert dataset.labels == ("square",)
    assert {a.label for photo in dataset.photos for a in photo.annotations} == {"square"}
    assert len(dataset.photos) == 3


@pytest.mark.parametrize("place", ["images", ".", "annotations"])
def test_photos_lie_in_images_beside_the_file_or_in_the_folder(place: str, tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=1)
    (folder / "annotations").mkdir()
    shutil.move(folder / folders.FILE, folder / "annotations" / folders.FILE)
    if place != "images":
        shutil.move(folder / "images/0.png", folder / place / "0.png")
    assert coco.read(folder).photos[0].path == (folder / place / "0.png")


def test_several_files_are_read_as_one_and_others_are_passed_over(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=2)
    described = json.loads((folder / folders.FILE).read_text())
    for name, i in (("a.json", 0), ("b.json", 1)):
        one = {**described, "images": described["images"][i : i + 1]}
        one["annotations"] = [a for a in described["annotations"] if a["image_id"] == i]
        (folder / name).write_text(json.dumps(one))
    (folder / folders.FILE).write_text('{"info": "no photos in here"}')
    assert [len(photo.annotations) for photo in coco.read(folder).photos] == [3, 2]


@pytest.mark.parametrize(
    ("box", "read"),
    [
        ([-5, -5, 20, 20], (0, 0, 15, 15)),
        ([50, 40, 100, 100], (50, 40, 64, 48)),
        ([10, 10, 0.5, 20], None),  # covers nothing
        ([63.5, 10, 30, 20], None),
    ],
)
def test_boxes_are_cut_at_the_borders(box: list[float], read: tuple[float, ...] | None, tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), lambda value: value["annotations"][0].update(bbox=box))
    first = coco.read(folder).photos[0].annotations[0]
    assert (first.box == read) if read else (first.label == "square")


def in_annotation(**values: object) -> Callable[[Described], None]:
    return lambda value: value["annotations"][0].update(values)


def in_image(**values: object) -> Callable[[Described], None]:
    return lambda value: value["images"][0].update(values)


def without(part: str, key: str) -> Callable[[Described], None]:
    return lambda value: value[part][0].pop(key)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (in_annotation(category_id=99), "annotation 0 has category_id 99, which `categories` lacks"),
        (in_annotation(image_id=99), "annotation 0 has image_id 99, which `images` lacks"),
        (in_annotation(category_id="disc"), "not COCO's format"),
        (in_annotation(category_id=float("inf")), "not COCO's format"),
        (in_annotation(bbox=[1, 2, 3]), "not COCO's format"),
        (in_annotation(bbox=None), "not COCO's format"),
        (in_annotation(bbox=[1, 2, "wide", 3]), "not COCO's format"),
        (in_annotation(bbox=[64, 0, 5, 5]), "outside of its photo of 64×48"),
        (in_annotation(bbox=[-20, 0, 5, 5]), "outside of its photo of 64×48"),
        (in_annotation(bbox=[1, 2, float("nan"), 3]), "not finite"),
        (in_annotation(bbox=[1, 2, float("inf"), 3]), "not finite"),
        (in_annotation(segmentation=[[1, 2, 3, 4]]), "annotation 0 has neither polygons"),
        (in_annotation(segmentation={"size": [64, 48], "counts": [0, 64 * 48]}), "annotation 0 has neither polygons"),
        (in_annotation(segmentation={"size": [48, 64]}), "annotation 0 has neither polygons"),
        (in_annotation(segmentation={"size": [48, 64], "counts": [5, 5]}), "annotation 0 has neither polygons"),
        (in_annotation(segmentation={"size": [48, 64], "counts": [-5, 3077]}), "annotation 0 has neither polygons"),
        (in_annotation(segmentation=[[1, 2, 3, 4, 5, float("nan")]]), "annotation 0 has neither polygons"),
        (in_annotation(segmentation=[[1, 2, 3, 4, 5, 1e9]]), "annotation 0 has neither polygons"),
        (in_annotation(segmentation=7), "not COCO's format"),
        (in_annotation(segmentation=[7]), "not COCO's format"),
        (in_image(file_name="gone.png"), "photo 'gone.png' is neither in"),
        (in_image(file_name="x" * 300 + ".png"), ""),
        (in_image(file_name=5), "not COCO's format"),
        (in_image(width="wide"), "not COCO's format"),
        (lambda value: value["images"].append(value["images"][0]), "image id 0 is there twice"),
        (lambda value: value.update(images=5), "not COCO's format"),
        (lambda value: value.update(annotations=None), "not COCO's format"),
        (lambda value: value.update(annotations=["a"]), "not COCO's format"),
        (lambda value: value.update(categories=None), "not COCO's format"),
        (without("annotations", "bbox"), "not COCO's format"),
        (without("images", "file_name"), "not COCO's format"),
        (without("categories", "name"), "not COCO's format"),
    ],
)
def test_what_is_wrong_is_a_data_error_that_names_the_file(
    edit: Callable[[Described], None], reason: str, tmp_path: Path
) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), edit)
    with pytest.raises(DataError) as caught:
        coco.read(folder)
    assert str(caught.value).startswith(str(folder / folders.FILE)) and reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 100_000, '{"images": [}'])
def test_what_is_no_json_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json: not readable JSON"):
        coco.read(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", '{"images": []}', "5"])
def test_a_folder_without_images_and_annotations_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="no JSON file with COCO's `images` and `annotations`"):
        coco.read(tmp_path)


def test_an_image_id_in_two_files_is_named(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=1)
    shutil.copy(folder / folders.FILE, folder / "other.json")
    with pytest.raises(DataError, match=r"other\.json: image id 0 is there twice"):
        coco.read(folder)
