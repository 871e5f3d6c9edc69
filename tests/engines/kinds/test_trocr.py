"""TrOCR reads what transformers' own classes read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.engines.base import recognised
from container.engines.trocr import TrOcrEngine
from container.errors import DeadlineExceeded, ModelError
from container.structures.texts import Reading, TextQuery
from tests.fakes import EndsAt
from tests.promptable_models import loaded
from tests.trocr_models import direct, tiny_trocr

SINUSOIDAL = {"use_learned_position_embeddings": False, "layernorm_embedding": False}
PICTURES = [np.random.default_rng(i).integers(0, 256, (20 + i, 60, 3), np.uint8) for i in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_trocr(tmp_path_factory.mktemp("trocr") / "tiny")


def read(engine: TrOcrEngine, pixels: np.ndarray) -> Reading:
    return engine.predict([TextQuery(pixels)])[0]


@pytest.mark.parametrize(("encoder", "decoder"), [("vit", {}), ("deit", {}), ("vit", SINUSOIDAL)])
def test_it_reads_what_transformers_read(encoder: str, decoder: dict[str, Any], tmp_path: Path) -> None:
    made = tiny_trocr(tmp_path / "tiny", encoder, **decoder)
    assert recognised(made) == "trocr"
    engine, texts = loaded("trocr", made), []
    for pixels in PICTURES:
        reading = read(engine, pixels)
        assert reading.text == direct(made, pixels)
        for word in reading.words:
            assert word.box == (0, 0, 60, len(pixels)) and 0 < word.score < 1
        assert len(reading) == bool(reading.text)
        texts.append(reading.text)
    assert len(set(texts)) > 1


def test_the_deadline_ends_a_line(folder: Path) -> None:
    engine, late = loaded("trocr", folder), DeadlineExceeded("the deadline passed")
    with pytest.raises(DeadlineExceeded), cancelled_by(EndsAt(6, late)):
        read(engine, PICTURES[0])


def _encoder(config: dict[str, Any]) -> None:
    config["encoder"]["model_type"] = "swin"


def _decoder(config: dict[str, Any]) -> None:
    config["decoder"]["model_type"] = "llama"


def _large(config: dict[str, Any]) -> None:
    config["decoder"]["vocab_size"] = 1 << 40


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", _encoder, "is of model type 'swin'; trocr takes vit, deit"),
        ("config.json", _decoder, "is not of model type vision-encoder-decoder with a decoder trocr"),
        ("config.json", _large, "far larger than its weights"),
        ("generation_config.json", dict.clear, "has no decoder_start_token_id"),
        ("processor_config.json", lambda one: one["image_processor"].update(size=16), "makes no 32×32 pixels"),
        ("processor_config.json", lambda one: one["image_processor"].update(size=1 << 20), "at most 4096 is read"),
    ],
)
def test_a_folder_that_does_not_fit(
    file: str, change: Callable[[dict[str, Any]], None], words: str, tmp_path: Path
) -> None:
    made = tiny_trocr(tmp_path / "tiny")
    document = json.loads((made / file).read_text())
    change(document)
    (made / file).write_text(json.dumps(document))
    with pytest.raises(ModelError, match=words):
        loaded("trocr", made)
