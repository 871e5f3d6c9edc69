"""predict with models that read text, or embed pictures."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from container.cli import main
from tests.clip_models import DirectClip, cosines, tiny_clip
from tests.conftest import encode, pixels_of
from tests.drawn_text import HELLO, drawn, pixels

LINES = ("Invoice no. 1,042", "due on 24 December")
COLOURS = {"red": (200, 10, 10), "blue": (10, 10, 200)}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("store") / "clip/ViT-B-16")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command in a folder with pictures."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    drawn(HELLO).save("hello.png")
    drawn(*LINES).save("invoice.png")
    for name, colour in COLOURS.items():
        Path(f"{name}.png").write_bytes(encode(np.full((40, 40, 3), colour, np.uint8)))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["predict", *arguments])

    yield run
    logging.getLogger("container").setLevel(logging.NOTSET)  # the command set it for the whole process


def test_text_is_printed(run) -> None:
    done = run("--model", "ocr", "invoice.png")
    assert (done.exit_code, done.stdout) == (0, "\n".join([*LINES, ""])), done.output
    done = run("--model", "ocr/pp-ocr", "invoice.png", "hello.png")
    assert done.stdout == f"invoice.png: {LINES[0]}\ninvoice.png: {LINES[1]}\nhello.png: {HELLO}\n"


def test_text_in_other_forms(run) -> None:
    answer = json.loads(run("--model", "ocr", "hello.png", "--format", "json").stdout)
    ((left, _, right, _),) = [line["box"] for line in answer["lines"]]
    assert answer["text"] == answer["lines"][0]["text"] == HELLO and 40 < left < right < 180
    assert run("--model", "ocr", "hello.png", "invoice.png", "--output", "out").exit_code == 0
    assert Path("out/invoice.txt").read_text() == "\n".join([*LINES, ""])
    assert run("--model", "ocr", "hello.png", "--format", "png", "--output", "out").exit_code == 0
    assert (pixels_of(Path("out/hello.png").read_bytes()) != pixels(drawn(HELLO))).any()


def test_ocr_is_the_reader_unless_a_folder_has_the_name(run) -> None:
    done = run("--model", "ocr", "--weights", "w.pth", "hello.png")
    assert done.exit_code == 1 and "weights 'w.pth' go with an architecture, and the model is ocr" in done.stderr
    Path("ocr").mkdir()
    done = run("--model", "ocr", "hello.png")
    assert done.exit_code == 1 and "holds no model.json" in done.stderr


def test_embeddings_are_npy(run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKSERVE_MODEL_STORE", str(clip.parent.parent))
    pictures = [f"{name}.png" for name in COLOURS]
    done = run("--model", "clip/ViT-B-16", *pictures)
    assert done.exit_code == 0 and "2 answers in output/" in done.stderr, done.output
    exact = DirectClip(clip).pictures([pixels_of(Path(name).read_bytes()) for name in pictures])
    found = [np.load(f"output/{name}.npy") for name in COLOURS]
    assert found[0].dtype == np.float32 and cosines(found, exact).min() > 0.9999
    done = run("--model", str(clip), "red.png", "blue.png", "--format", "jsonlines")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == pictures
    assert cosines([line["embedding"] for line in lines], exact).min() > 0.9999


@pytest.mark.parametrize("arguments", [("--format", "png"), ("--format", "txt"), ("--box", "1,1,5,5")])
def test_what_there_is_not_of_an_embedding(arguments: tuple[str, ...], run, clip: Path) -> None:
    done = run("--model", str(clip), "red.png", *arguments)
    assert done.exit_code == 2 and ("of an embedding" in done.stderr or "promptable models" in done.stderr)


@pytest.mark.parametrize("of", ["clip", "pp_ocr"])
def test_pack(of: str, run, clip: Path) -> None:
    weights = str(clip) if of == "clip" else "PP-OCRv6"
    packing = ("pack", "--architecture", of, "--weights", weights, "--name", "packed", "--output", "m.tar.gz")
    done = CliRunner().invoke(main, [*packing])
    assert done.exit_code == 0 and done.stdout.startswith("m.tar.gz: packed, "), done.output
    done = run("--model", "m.tar.gz", "hello.png", "--format", "json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    if of == "pp_ocr":
        assert answer["text"] == HELLO
    else:
        exact = DirectClip(clip).pictures([pixels(drawn(HELLO))])
        assert cosines([answer["embedding"]], exact).min() > 0.9999
