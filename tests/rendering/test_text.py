"""Chips: as large as the picture allows, with letters of every script."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from container.rendering.palette import BLACK, WHITE
from container.rendering.text import Chip, Style, fit, font_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1, 1), 10), ((150, 200), 10), ((480, 640), 13), ((1080, 1920), 24), ((3000, 4000), 49)],
)
def test_letters_grow_with_the_picture(size: tuple[int, int], expected: int) -> None:
    assert font_size(size) == expected


def chip(text: str, size: int = 20, room: tuple[int, int] = (500, 500)) -> Chip:
    fitted = fit(text, size, room)
    assert fitted is not None
    return fitted


@pytest.mark.parametrize(
    ("text", "room", "letters", "shown"),
    [
        ("person 98%", (500, 500), 20, "person 98%"),
        ("person 98%", (500, 80), range(8, 20), "person 98%"),
        ("person 98%", (15, 500), 10, "person 98%"),
        ("person 98%", (500, 30), 7, "perso…"),
        ("x" * 10_000, (500, 50), 7, "xxxxxxxxxx…"),
        ("a\n b\t98%", (500, 500), 20, "a b 98%"),
    ],
)
def test_text_shrinks_and_then_is_cut(text: str, room: tuple[int, int], letters: int | range, shown: str) -> None:
    fitted = chip(text, 20, room)
    assert fitted.text == shown
    assert fitted.font_size in (letters if isinstance(letters, range) else [letters])
    assert (fitted.height, fitted.width) <= room
    assert fitted.width <= room[1]


@pytest.mark.parametrize(("text", "room"), [("person 98%", (9, 500)), ("person 98%", (500, 8)), ("", (500, 500))])
def test_no_room_is_no_chip(text: str, room: tuple[int, int]) -> None:
    assert fit(text, 20, room) is None


def drawn(text: str, background: tuple[int, int, int] = WHITE, size: int = 20) -> np.ndarray:
    canvas = np.full((60, 400, 3), 128, np.uint8)
    chip(text, size).draw(canvas, 10, 10, background)
    return canvas


@pytest.mark.parametrize(("background", "letters"), [(WHITE, BLACK), (BLACK, WHITE), ((240, 228, 66), BLACK)])
def test_letters_are_black_or_white(background: tuple[int, int, int], letters: tuple[int, int, int]) -> None:
    canvas = drawn("person 98%", background).reshape(-1, 3).tolist()
    assert list(letters) in canvas
    assert list(background) in canvas


def test_a_chip_stays_in_its_rectangle() -> None:
    canvas, size = drawn("Ågjpq 98%"), chip("Ågjpq 98%")
    inside = np.zeros(canvas.shape[:2], bool)
    inside[10 : 10 + size.height, 10 : 10 + size.width] = True
    assert (canvas[~inside] == 128).all()
    assert (canvas[inside] != 128).any()


@pytest.mark.parametrize("text", ["żółw", "кот", "Ωμέγα", "猫", "قط"])
def test_letters_of_other_scripts_are_no_question_marks(text: str) -> None:
    assert not np.array_equal(drawn(text), drawn("?" * len(text)))


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert chip("a\ud800b").text == "a?b"


def test_threads_draw_the_same_letters() -> None:
    def draw_all() -> list[bytes]:
        return [drawn(f"person {size}% żółw", size=size).tobytes() for size in range(8, 30)]

    expected = draw_all()
    with ThreadPoolExecutor(4) as pool:
        answers = [task.result() for task in [pool.submit(draw_all) for _ in range(40)]]
    assert [answer == expected for answer in answers] == [True] * 40


@pytest.mark.parametrize(("padding", "height"), [(0, 22), (5, 24), (10, 34), (50, 114)])  # capitals are 14 high
def test_padding_is_around_the_letters(padding: int, height: int) -> None:
    plain, padded = chip("person"), fit("person", 20, (500, 500), Style(padding=padding))
    assert padded is not None
    assert (padded.height, padded.width - plain.width) == (height, 2 * padding - 14)


def styled(style: Style, background: tuple[int, int, int] = WHITE, text: str = "person") -> np.ndarray:
    shown = fit(text, 20, (100, 300), style)
    assert shown is not None
    canvas = np.full((shown.height, shown.width, 3), 128, np.uint8)
    shown.draw(canvas, 0, 0, background)
    return canvas


@pytest.mark.parametrize(("radius", "corner", "straight"), [(0, 255, True), (8, 128, True), (500, 128, False)])
def test_corners_are_as_round_as_asked_for(radius: int, corner: int, straight: bool) -> None:
    canvas = styled(Style(radius=radius))
    assert canvas[0, 0, 0] == canvas[-1, -1, 0] == corner
    assert (canvas[0, 9, 0] == 255) == straight


def test_letters_have_the_color_and_the_weight_that_are_asked_for() -> None:
    assert [10, 20, 250] in styled(Style(letters=(10, 20, 250))).reshape(-1, 3).tolist()
    ink = [int((styled(Style(weight=weight))[..., 0] < 128).sum()) for weight in (300, 500, 700, 900)]
    assert ink == sorted(set(ink))


def test_letters_like_their_ground_get_an_edge() -> None:
    same = styled(Style(letters=(250, 250, 250)), (245, 245, 245))
    assert same.min() < 150
    assert (
        styled(Style(letters=WHITE), (0, 0, 160)).min() == 0
        and styled(Style(letters=WHITE), (0, 0, 160))[..., 2].min() >= 120
    )


def test_the_largest_letters_that_fit_are_found_soon() -> None:
    shown = fit("person " * 60, 300, (3000, 4000))
    assert shown is not None and len(shown.text) == 300 and 3600 < shown.width <= 4000
