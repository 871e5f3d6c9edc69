"""Photos as serving decodes them, and their labels in the same frame."""

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.datasets.base import Annotation, Photo
from container.errors import DataError
from container.images.rgb import upright
from container.ops import rle
from container.structures.masks import tight_box
from container.training import pixels
from tests.conftest import encode

WIDTH, HEIGHT = 32, 24
STORED = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
STORED[4:12, 6:22] = 255
BOX = (6.0, 4.0, 22.0, 12.0)  # xyxy, of the white part of the stored pixels
POLYGON = [[6.0, 4.0, 22.0, 4.0, 22.0, 12.0, 6.0, 12.0]]
RUNS = rle.encode(np.ones((8, 16), bool), 6, 4, (HEIGHT, WIDTH))


def photo(
    folder: Path,
    orientation: int,
    form: str = "PNG",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    labels: tuple[Annotation, ...] = (),
) -> Photo:
    """A photo with an EXIF orientation, and its `labels` in a picture of `size`."""
    exif = PIL.Image.Exif()
    exif[274] = orientation
    file = BytesIO()
    PIL.Image.fromarray(STORED).save(file, form, exif=exif)
    path = folder / f"a.{form.lower()}"
    path.write_bytes(file.getvalue())
    return Photo(1, path, *size, labels)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_of_stored_pixels_are_turned_with_them(orientation: int, form: str, tmp_path: Path) -> None:
    labels = tuple(Annotation(BOX, "cat", segmentation, area=128) for segmentation in (None, POLYGON, RUNS))
    given = photo(tmp_path, orientation, form, labels=labels)
    assert pixels.check(given) == (orientation != 1)
    read, turned = pixels.read(given)
    assert np.array_equal(read, upright(STORED, orientation))
    assert (turned.height, turned.width) == read.shape[:2]
    for annotation in turned.annotations:
        x1, y1, x2, y2 = map(int, annotation.box)
        assert (read[y1:y2, x1:x2] == 255).all() and (x2 - x1) * (y2 - y1) == 128
        mask = turned.mask(annotation)
        assert mask.sum() == 128 and tight_box(mask) == (x1, y1, x2, y2)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_the_upright_photo_are_left_alone(orientation: int, tmp_path: Path) -> None:
    given = photo(tmp_path, orientation, size=(HEIGHT, WIDTH), labels=(Annotation((1, 2, 3, 4), "cat"),))
    assert not pixels.check(given)
    read, left = pixels.read(given)
    assert left is given and read.shape[:2] == (WIDTH, HEIGHT)


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_a_size_that_no_turn_explains_is_said(orientation: int, tmp_path: Path) -> None:
    given = photo(tmp_path, orientation, size=(HEIGHT, WIDTH))
    for read in (pixels.check, pixels.read):
        with pytest.raises(DataError, match="32×24 pixels, and 24×32 in the JSON file"):
            read(given)


@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_masks_are_turned_as_pixels_are(orientation: int, height: int, width: int, random) -> None:
    mask = np.array([[random.random() < 0.5 for _ in range(width)] for _ in range(height)])
    labelled = Annotation((0, 0, width, height), "cat", rle.encode(mask, 0, 0, mask.shape))
    turned = pixels.turn_labels(Photo(1, Path("a.png"), width, height, (labelled,)), orientation)
    expected = upright(mask.astype(np.uint8), orientation).astype(bool)
    np.testing.assert_array_equal(turned.mask(turned.annotations[0]), expected)
    assert turned.annotations[0].box == (0, 0, turned.width, turned.height)


WHOLE = encode(STORED, "JPEG")


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"version https://git-lfs.github.com/spec/v1", WHOLE[:60], WHOLE[: len(WHOLE) // 2]]
)
def test_what_is_no_whole_picture_is_found_before_it_is_decoded(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jpg: not a picture that can be read: "):
        pixels.check(Photo(1, tmp_path / "a.jpg", WIDTH, HEIGHT))
    with pytest.raises(DataError, match=r"a\.jpg: No such file"):
        pixels.check(Photo(1, tmp_path / "gone/a.jpg", WIDTH, HEIGHT))


def test_bytes_after_the_end_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(WHOLE + b"a film, for example")
    assert not pixels.check(Photo(1, tmp_path / "a.jpg", WIDTH, HEIGHT))
