"""Colours over instances and outside of them: blended once, and nowhere else."""

import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.rendering import fills
from container.rendering.fills import bands, fill_differences, fill_outside, fill_regions
from container.rendering.palette import Color
from tests.rendering.scenes import found, photo

SIZE = (60, 80)
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def blend(pixels: np.ndarray, color: Color, opacity: float) -> np.ndarray:
    return np.rint(pixels * (1 - opacity) + np.array(color) * opacity).astype(np.uint8)


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("opacity", [0.0, 0.3, 0.5, 1.0])
def test_where_instances_overlap_the_smallest_alone_shows(opacity: float, masks: bool) -> None:
    pixels = photo(*SIZE)
    expected = pixels.copy()
    expected[10:50, 10:60] = blend(pixels[10:50, 10:60], RED, opacity)
    expected[20:30, 20:30] = blend(pixels[20:30, 20:30], BLUE, opacity)
    scene = found(SIZE, (20, 20, 30, 30), (10, 10, 60, 50), masks=masks)
    fill_regions(pixels, scene, [BLUE, RED], opacity)
    assert np.abs(pixels.astype(int) - expected).max() <= (opacity == 0.3)  # halves may be rounded either way


def test_outside_is_what_none_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fills, "BAND", 7)
    pixels = photo(*SIZE)
    expected = blend(pixels, GREEN, 0.25)
    for part in (np.s_[20:30, 20:30], np.s_[25:50, 25:80]):
        expected[part] = pixels[part]
    fill_outside(pixels, found(SIZE, (20, 20, 30, 30), (25, 25, 90, 50)), GREEN, 0.25)
    np.testing.assert_array_equal(pixels, expected)


def test_outside_of_nothing_is_everything() -> None:
    pixels = photo(*SIZE)
    fill_outside(pixels, found(SIZE), GREEN, 1.0)
    assert (pixels == GREEN).all()


def test_differences_have_three_colors() -> None:
    pixels = photo(*SIZE)
    expected = blend(pixels, BLUE, 0.5)
    expected[10:40, 10:40] = blend(pixels[10:40, 10:40], RED, 0.5)
    expected[20:50, 20:50] = blend(pixels[20:50, 20:50], GREEN, 0.5)
    expected[20:40, 20:40] = pixels[20:40, 20:40]
    one, other = found(SIZE, (10, 10, 40, 40)), found(SIZE, (20, 20, 50, 50), masks=False)
    fill_differences(pixels, one, other, (RED, GREEN, BLUE), 0.5)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(("height", "count"), [(1, 1), (256, 1), (257, 2), (3000, 12)])
def test_bands_cover_all_rows(height: int, count: int) -> None:
    rows = [*bands(height)]
    assert len(rows) == count
    assert [row for band in rows for row in range(band.start, band.stop)] == [*range(height)]


def test_it_stops_when_it_is_told_to() -> None:
    def refuse() -> None:
        raise TimeoutError

    for work in (
        lambda: fill_regions(photo(*SIZE), found(SIZE, (0, 0, 9, 9)), [RED], 1),
        lambda: fill_outside(photo(*SIZE), found(SIZE), RED, 1),
    ):
        with pytest.raises(TimeoutError), cancelled_by(refuse):
            work()
