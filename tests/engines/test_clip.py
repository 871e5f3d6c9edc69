"""CLIP answers what transformers' own model, processor and tokenizer answer."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.engines.base import recognised
from container.engines.clip import ClipEngine
from container.errors import BadImage, BadRequest, DeadlineExceeded, ModelError
from container.structures.clip import ClipQuery
from tests.clip_models import MAX_TOKENS, WIDTH, DirectClip, cosines, tiny_clip
from tests.promptable_models import loaded, picture

PICTURES = [picture(480, 640), picture(33, 200), picture(700, 40), picture(20, 20)]
TEXTS = ["a photo of a cat", "dog", "", "A Photo  of 3 dogs"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def engine(folder: Path) -> ClipEngine:
    engine: ClipEngine = loaded("clip", folder)
    return engine


def check_equal(engine: ClipEngine, folder: Path) -> None:
    direct = DirectClip(folder)
    one, none, other = engine.predict([ClipQuery(PICTURES, TEXTS[:1]), ClipQuery(), ClipQuery((), TEXTS[1:])])
    assert one.pictures.shape == (len(PICTURES), WIDTH) and one.pictures.dtype == np.float32
    assert none.pictures.shape == none.texts.shape == other.pictures.shape == (0, WIDTH)
    assert cosines(one.pictures, direct.pictures(PICTURES)).min() > 0.99999
    assert cosines([*one.texts, *other.texts], direct.texts(TEXTS)).min() > 0.99999
    assert cosines(one.pictures[:1], one.pictures[1:2])[0] < 0.99


def test_embeddings_are_equal(engine: ClipEngine, folder: Path) -> None:
    check_equal(engine, folder)


@pytest.mark.parametrize(
    "processor",
    [
        {"size": {"shortest_edge": 40}},
        {"size": {"height": 32, "width": 32}, "do_center_crop": False},
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7], "resample": 2},
        {"do_resize": False},
    ],
)
def test_pictures_are_prepared_as_the_folder_says(processor: dict[str, Any], tmp_path: Path) -> None:
    made = tiny_clip(tmp_path / "tiny", **processor)
    check_equal(loaded("clip", made), made)


def test_older_folders(tmp_path: Path) -> None:
    """Sizes are numbers, and the tokenizer is two files."""
    made = tiny_clip(tmp_path / "tiny", plain=True)
    file = made / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"size": 32, "crop_size": 32}))
    check_equal(loaded("clip", made), made)


def test_folders_as_a_whole_processor_writes_them(folder: Path, tmp_path: Path) -> None:
    from transformers import CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    parts = CLIPImageProcessor.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    made = tmp_path / "tiny"
    CLIPModel.from_pretrained(folder).save_pretrained(made)
    CLIPProcessor(*parts).save_pretrained(made)
    assert not (made / "preprocessor_config.json").exists()
    one, other = (loaded("clip", one).predict([ClipQuery(PICTURES, TEXTS)])[0] for one in (folder, made))
    np.testing.assert_array_equal(one.pictures, other.pictures)
    np.testing.assert_array_equal(one.texts, other.texts)


def test_a_folder_says_what_it_is(folder: Path) -> None:
    assert recognised(folder) == "clip"


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        (
            ClipQuery((), ["cat " * MAX_TOKENS]),
            BadRequest,
            f"has {MAX_TOKENS + 2} tokens; model 'tiny' takes {MAX_TOKENS}",
        ),
        (ClipQuery((), ["c" * 2001]), BadRequest, "a text has 2001 characters; at most 2000"),
        (ClipQuery((), ["\ud83d"]), BadRequest, "half of a pair of surrogates"),
        (ClipQuery([np.zeros((1, 41, 3), np.uint8)]), BadImage, "a picture is 41×1 pixels"),
    ],
)
def test_what_the_model_cannot_take(engine: ClipEngine, query: ClipQuery, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        engine.predict([query])


def test_a_query_that_nobody_waits_for_ends(engine: ClipEngine) -> None:
    def gone() -> None:
        raise DeadlineExceeded("too late")

    for query in (ClipQuery(PICTURES), ClipQuery((), TEXTS)):
        with cancelled_by(gone), pytest.raises(DeadlineExceeded):
            engine.predict([query])


def change(file: Path, *path: str, value: Any) -> None:
    content = json.loads(file.read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("file", "path", "value", "words"),
    [
        ("config.json", ["projection_dim"], 25, "do not fit its config.json"),
        ("config.json", ["vision_config", "image_size"], 64, "do not fit its config.json"),
        ("config.json", ["vision_config", "num_attention_heads"], 5, "cannot be used|make no network"),
        ("config.json", ["text_config", "hidden_size"], "wide", "hidden_size of CLIPTextConfig"),
        ("config.json", ["text_config"], [1], "text_config in config.json of 'tiny' is no object"),
        (
            "preprocessor_config.json",
            ["crop_size"],
            {"height": 30, "width": 32},
            "makes 32×30 pixels .* asks for 32×32",
        ),
        ("preprocessor_config.json", ["size"], {"shortest_edge": 100_000}, "values that cannot be used"),
        ("preprocessor_config.json", ["do_center_crop"], False, "makes 64×32 pixels"),
        ("preprocessor_config.json", ["image_std"], [0, 0, 0], "preprocessor_config.json of 'tiny'"),
        ("tokenizer.json", ["model", "vocab", "zebra"], 10**6, "has a token 1000000"),
        ("tokenizer.json", ["model", "vocab"], ["a"], "the tokenizer of 'tiny' cannot be read"),
        ("tokenizer.json", ["model", "merges"], [["c"]], "the tokenizer of 'tiny' cannot be read"),
        ("tokenizer.json", ["model", "merges"], [["c", "zebra"]], "the tokenizer of 'tiny' has values"),
        ("tokenizer.json", ["model"], 3, "the tokenizer of 'tiny' cannot be read"),
    ],
)
def test_folders_that_are_no_model(
    folder: Path, tmp_path: Path, file: str, path: list[str], value: Any, words: str
) -> None:
    made = shutil.copytree(folder, tmp_path / "tiny")
    change(made / file, *path, value=value)
    with pytest.raises(ModelError, match=words) as error:
        loaded("clip", made)
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("tokenizer.json", "holds neither tokenizer.json nor vocab.json and merges.txt"),
        ("model.safetensors", "holds no model.safetensors"),
    ],
)
def test_folders_that_lack_a_file(folder: Path, tmp_path: Path, file: str, words: str) -> None:
    made = shutil.copytree(folder, tmp_path / "tiny")
    (made / file).unlink()
    with pytest.raises(ModelError, match=words):
        loaded("clip", made)
