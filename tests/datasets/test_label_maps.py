"""The class of every pixel: out of masks, and out of PNG files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from container.datasets import label_maps
from container.datasets.base import Annotation, Photo
from container.datasets.label_maps import IGNORED, label_map
from container.errors import DataError
from tests.conftest import encode


def box(label: str, x1: int, y1: int, x2: int, y2: int, crowd: bool = False) -> Annotation:
    return Annotation((x1, y1, x2, y2), label, None, crowd, (x2 - x1) * (y2 - y1))


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ((), [0, 0, 0, 0, 0, 0]),
        ((box("cat", 1, 0, 3, 1),), [0, 1, 1, 0, 0, 0]),
        ((box("cat", 1, 0, 2, 1), box("dog", 0, 0, 6, 1)), [2, 1, 2, 2, 2, 2]),  # the smaller lies above
        ((box("dog", 0, 0, 6, 1), box("cat", 1, 0, 2, 1)), [2, 1, 2, 2, 2, 2]),
        ((box("cat", 0, 0, 4, 1), box("dog", 3, 0, 6, 1, crowd=True)), [1, 1, 1, 1, IGNORED, IGNORED]),
        ((box("cat", 0, 0, 1, 1), box("bird", 3, 0, 6, 1)), [1, 0, 0, 0, 0, 0]),
    ],
)
def test_smaller_objects_lie_over_larger_ones_and_objects_over_crowds(
    annotations: tuple[Annotation, ...], expected: list[int]
) -> None:
    found = label_map(Photo(1, Path("a.png"), 6, 1, annotations), ("__background__", "cat", "dog"))
    assert found.dtype == np.uint8 and found.tolist() == [expected]


def test_more_classes_than_a_byte_holds_are_refused() -> None:
    photo = Photo(1, Path("a.png"), 2, 2)
    label_map(photo, ["x"] * 255)
    with pytest.raises(DataError, match="256 classes"):
        label_map(photo, ["x"] * 256)


MAP = np.array([[0, 1, 1, 255], [0, 1, 0, 255], [2, 2, 0, 0]], np.uint8)


def write(folder: Path, classes: np.ndarray = MAP, labels: str = "background\ncat\ndog\n") -> Path:
    """A folder of one photo with its map."""
    for name in ("images", "label_maps"):
        (folder / name).mkdir(parents=True)
    (folder / "labels.txt").write_text(labels, encoding="utf-8")
    (folder / "images/one.jpg").write_bytes(encode(np.zeros((*classes.shape[:2], 3), np.uint8), "JPEG"))
    (folder / "label_maps/one.png").write_bytes(encode(classes))
    return folder


def test_a_folder_of_maps_is_read_and_drawn_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "maps")
    assert label_maps.describes(folder)
    dataset = label_maps.read(folder)
    assert (dataset.name, dataset.labels) == ("maps", ("cat", "dog"))
    [photo] = dataset.photos
    assert photo.path.name == "one.jpg" and (photo.width, photo.height) == (4, 3) and photo.masked
    assert [(a.label, a.box, a.area) for a in photo.objects] == [("cat", (1, 0, 3, 2), 3), ("dog", (0, 2, 2, 3), 2)]
    np.testing.assert_array_equal(label_map(photo, ("__background__", "cat", "dog")), MAP)


def test_a_palette_is_read_by_its_numbers(tmp_path: Path) -> None:
    folder = write(tmp_path / "maps")
    picture = Image.frombytes("P", (4, 3), MAP.tobytes())
    picture.putpalette([200, 10, 10] * 256)
    picture.save(folder / "label_maps/one.png")
    [photo] = label_maps.read(folder).photos
    np.testing.assert_array_equal(label_map(photo, ("__background__", "cat", "dog")), MAP)


def test_classes_that_are_not_asked_for_are_background(tmp_path: Path) -> None:
    dataset = label_maps.read(write(tmp_path / "maps"), only=("dog",))
    assert dataset.labels == ("dog",)
    np.testing.assert_array_equal(
        label_map(dataset.photos[0], ("__background__", "dog")), np.where(MAP == 2, 1, np.where(MAP == 255, 255, 0))
    )


@pytest.mark.parametrize(
    ("classes", "labels", "reason"),
    [
        (MAP, "background\n", "labels.txt: 1 names"),
        (MAP, "\n".join(f"l{i}" for i in range(256)), "labels.txt: 256 names"),
        (MAP, "background\ncat\n", "one.png: pixels of class 2, and labels.txt names 2"),
        (np.zeros((3, 4, 3), np.uint8), "background\ncat\n", "one.png: neither grey"),
        (np.zeros((3, 4), np.uint16), "background\ncat\n", "one.png: neither grey"),
    ],
)
def test_what_is_wrong_is_named(classes: np.ndarray, labels: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=reason):
        label_maps.read(write(tmp_path / "maps", classes, labels))


def test_a_damaged_map_and_a_missing_photo_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "maps")
    (folder / "label_maps/one.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"one\.png: not a PNG"):
        label_maps.read(folder)
    (folder / "images/one.jpg").unlink()
    with pytest.raises(DataError, match=r"one\.png: no photo of the same name"):
        label_maps.read(folder)
