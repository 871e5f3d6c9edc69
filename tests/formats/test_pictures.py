"""“png” and “jpeg” files: their kind, their size, and what a cutout's surroundings become."""

import io
from typing import get_args

import numpy as np
import pytest
from PIL import Image as Pillow

from container import formats
from container.errors import NotAcceptable
from container.rendering import draw
from container.structures import Appearance, Choice, Image, Instances, Render, Result
from tests.rendering.scenes import found, photo

SIZE = (40, 60)
PIXELS = photo(*SIZE)
ONE = found(SIZE, (16, 8, 48, 32))


def encoded(name: str, prediction: Instances = ONE, render: Render = "overlay") -> Pillow.Image:
    choice = Choice(name, appearance=Appearance(render=render))
    return Pillow.open(io.BytesIO(formats.formats[name].encode(Result(Image(PIXELS), prediction, "model"), choice)))


@pytest.mark.parametrize(
    ("name", "render", "kind", "mode"),
    [
        ("png", "overlay", "PNG", "RGB"),
        ("png", "mask", "PNG", "RGB"),
        ("png", "cutout", "PNG", "RGBA"),
        ("png", "ids", "PNG", "I;16"),
        ("png", "blur", "PNG", "RGB"),
        ("jpeg", "pixelate", "JPEG", "RGB"),
        ("jpeg", "overlay", "JPEG", "RGB"),
        ("jpeg", "mask", "JPEG", "RGB"),
        ("jpeg", "cutout", "JPEG", "RGB"),
    ],
)
def test_kind_and_size(name: str, render: Render, kind: str, mode: str) -> None:
    picture = encoded(name, render=render)
    assert (picture.format, picture.mode, picture.size) == (kind, mode, (60, 40))


@pytest.mark.parametrize("render", get_args(Render))
def test_png_is_what_was_drawn(render: Render) -> None:
    np.testing.assert_array_equal(
        np.asarray(encoded("png", render=render)), draw(PIXELS, ONE, Appearance(render=render))
    )


@pytest.mark.parametrize(("name", "holds"), [("png", True), ("jpeg", False), ("json", True)])
def test_numbers_of_16_bits_are_no_jpeg(name: str, holds: bool) -> None:
    assert formats.formats[name].holds(Appearance(render="ids")) == holds
    formats.formats[name].check(Appearance(render="cutout"))
    if not holds:
        with pytest.raises(
            NotAcceptable, match="render is 'ids', numbers of 16 bits, and image/jpeg holds colours of 8"
        ):
            formats.formats[name].check(Appearance(render="ids"))


def test_nothing_found_is_the_picture_as_it_was() -> None:
    np.testing.assert_array_equal(np.asarray(encoded("png", found(SIZE))), PIXELS)


@pytest.mark.parametrize(("name", "longest"), [("jpeg", 65_500), ("png", 1_000_000)], ids=["jpeg", "png"])
def test_what_a_file_cannot_hold_is_said(name: str, longest: int) -> None:
    def strip(width: int) -> Result:
        return Result(Image(np.zeros((1, width, 3), np.uint8)), found((1, width)), "model")

    assert formats.formats[name].encode(strip(longest), Choice(name))
    with pytest.raises(NotAcceptable, match=f"at most {longest} pixels a side"):
        formats.formats[name].encode(strip(longest + 1), Choice(name))


def test_a_jpeg_cutout_is_white_around_what_was_found() -> None:
    cutout = np.asarray(encoded("jpeg", render="cutout"))
    assert (cutout[:, :12] > 240).all()
    assert cutout[12:28, 20:44].std() > 30


def test_jpeg_is_of_the_quality_that_was_asked_for() -> None:
    errors, sizes = [], []
    for quality in (5, 50, 95):
        choice = Choice("jpeg", appearance=Appearance(jpeg_quality=quality))
        body = formats.formats["jpeg"].encode(Result(Image(PIXELS), found(SIZE), "model"), choice)
        errors.append(np.abs(np.asarray(Pillow.open(io.BytesIO(body))).astype(int) - PIXELS).mean())
        sizes.append(len(body))
    assert errors == sorted(errors, reverse=True) and sizes == sorted(set(sizes))


def test_jpeg_keeps_the_order_of_colors() -> None:
    blue = np.zeros((16, 16, 3), np.uint8)
    blue[..., 2] = 255
    body = formats.formats["jpeg"].encode(Result(Image(blue), found((16, 16)), "model"), Choice("jpeg"))
    red, _, strong = np.asarray(Pillow.open(io.BytesIO(body))).mean(axis=(0, 1))
    assert red < 10
    assert strong > 240


def test_boxes_that_are_no_numbers_are_not_drawn() -> None:
    broken = found(SIZE, (16, 8, 48, 32), masks=False)
    broken.boxes[0, 2] = np.nan
    np.testing.assert_array_equal(np.asarray(encoded("png", broken)), PIXELS)


@pytest.mark.parametrize("name", ["png", "jpeg"])
def test_a_picture_is_the_answer_for_one_picture_only(name: str) -> None:
    form, result = formats.formats[name], Result(Image(PIXELS), ONE, "model")
    assert form.encode_batch([result], Choice(name)) == form.encode(result, Choice(name))
    assert not form.batches
    with pytest.raises(ValueError, match="too many"):
        form.encode_batch([result] * 2, Choice(name))
