"""PP-OCR as the package carries it: what is drawn is read, as the package itself reads it."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from container.engines import base
from container.engines.kinds import pp_ocr
from container.engines.runtime import start
from container.engines.text import TextEngine
from container.errors import ModelError
from container.structures import ModelSpec
from container.structures.texts import Reading, TextQuery
from tests.drawn_text import HELLO, SIZES, drawn, pixels

CPU = start("cpu", "fp32", 2)
SPEC = ModelSpec("ocr/pp-ocr", "pp_ocr", "PP-OCRv6")
PARAGRAPH = (
    "The quick brown fox jumps over a lazy dog,",
    "and 42 zebras count their stripes: 1,234.56",
    "Größe, année, señor – all are read.",
    "IBAN DE89 3704 0044 0532 0130 00",
)


@pytest.fixture(scope="module")
def engine() -> TextEngine:
    made = base.load(SPEC, CPU)
    assert isinstance(made, TextEngine)
    return made


def read(engine: TextEngine, picture: Image.Image | np.ndarray) -> Reading:
    given = pixels(picture) if isinstance(picture, Image.Image) else picture
    return engine.predict([TextQuery(given)])[0]


@pytest.mark.parametrize("size", SIZES)
def test_letters_of_any_size_are_read_where_they_are(engine: TextEngine, size: int) -> None:
    reading = read(engine, drawn(HELLO, size=size))
    assert (reading.text, [len(line) for line in reading.lines]) == (HELLO, [2])
    hello, number = reading.words
    assert abs(hello.box[0] - 2 * size) < size and hello.box[2] < number.box[0] + size / 2
    assert hello.box[1] < 1.3 * size and 1.8 * size < hello.box[3]
    assert min(word.score for word in reading.words) > 0.9


@pytest.mark.parametrize("degrees", [20, 90, 180, 270, -10])
def test_text_is_read_however_it_is_turned(engine: TextEngine, degrees: float) -> None:
    turned = drawn(HELLO, "The second line", size=32).rotate(degrees, expand=True, fillcolor="white")
    assert read(engine, turned).text == f"{HELLO} The second line"


def test_text_that_fills_the_picture_is_read(engine: TextEngine) -> None:
    picture = drawn(HELLO, size=40)
    whole = picture.crop(Image.eval(picture, lambda value: 255 - value).getbbox())
    assert read(engine, whole).text == HELLO
    assert read(engine, Image.eval(whole, lambda value: 255 - value)).text == HELLO  # white on black


def test_a_page_of_long_lines_is_read(engine: TextEngine) -> None:
    words = "and watch 42 lazy and dog a stripes over jumps afar from quick their zebras count silence".split()
    lines = [" ".join(words[i:] + words[:i]) for i in range(16)]
    reading = read(engine, drawn(*lines, size=14))
    assert [" ".join(word.text for word in line) for line in reading.lines] == lines


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 3000), (3000, 1), (5, 5), (480, 640)], ids=lambda size: "×".join(map(str, size))
)
def test_nothing_is_read_where_nothing_is(engine: TextEngine, size: tuple[int, int]) -> None:
    for value in (0, 255):
        assert read(engine, np.full((*size, 3), value, np.uint8)).text == ""


def test_it_reads_as_the_package_does(engine: TextEngine) -> None:
    rapidocr = pytest.importorskip("rapidocr")
    kind = rapidocr.EngineType.OPENVINO
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    theirs = rapidocr.RapidOCR(
        params={**{f"{part}.engine_type": kind for part in ("Det", "Cls", "Rec")}, "Global.log_level": "critical"}
    )
    picture = pixels(drawn(*PARAGRAPH, size=28))
    expected, reading = theirs(picture[:, :, ::-1]), read(engine, picture)
    assert [" ".join(word.text for word in line) for line in reading.lines] == list(PARAGRAPH)
    assert "".join(expected.txts).replace(" ", "") == reading.text.replace(" ", "")
    lines = np.array([np.concatenate([box.min(axis=0), box.max(axis=0)]) for box in expected.boxes])
    ours = np.array([
        [*np.min([word.box[:2] for word in line], axis=0), *np.max([word.box[2:] for word in line], axis=0)]
        for line in reading.lines
    ])  # fmt: skip
    assert np.abs(lines[:, [1, 3]] - ours[:, [1, 3]]).max() < 8
    assert np.abs(lines[:, [0, 2]] - ours[:, [0, 2]]).max() < 28


def test_the_space_is_the_last_character(engine: TextEngine) -> None:
    characters = engine._networks.characters
    assert (characters[0], characters[-1], len(characters)) == ("!", " ", 18_709)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (own := tmp_path / "own.onnx").touch()
    for weights in (tmp_path, own):
        with pytest.raises(ModelError, match="has the weights PP-OCRv6 of the package rapidocr"):
            base.load(ModelSpec("own", "pp_ocr", weights), CPU)
        with pytest.raises(ModelError, match="has the weights PP-OCRv6 of the package rapidocr"):
            base.find("pp_ocr").pack(ModelSpec("own", "pp_ocr", weights), tmp_path)
    monkeypatch.setattr(pp_ocr, "_READ", "another.onnx")
    with pytest.raises(ModelError, match="the installed rapidocr has no another.onnx"):
        base.load(SPEC, CPU)
    monkeypatch.setattr(pp_ocr, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="needs the packages no_such_package and openvino: pip install"):
        base.load(SPEC, CPU)
