"""SAM 2 answers what transformers' own model and processor answer, number by number."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from container.cancellation import cancelled_by
from container.engines.kinds.sam2 import Sam2Engine
from container.errors import BadRequest, DeadlineExceeded
from container.structures import Prompt, PromptQuery
from tests.promptable_models import LOW_RES, MASK, PROMPTS, SIZES, Direct, bitmaps, loaded, picture, prompt, tiny_sam2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sam2(tmp_path_factory.mktemp("sam2") / "tiny")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Sam2Engine:
    engine: Sam2Engine = loaded("sam2", folder)
    return engine


@pytest.fixture(scope="module")
def direct(folder: Path) -> Direct:
    return Direct(folder)


@pytest.mark.parametrize("size", SIZES)
def test_embeddings_are_equal(size: tuple[int, int], engine: Sam2Engine, direct: Direct) -> None:
    pixels = picture(*size)
    with torch.no_grad():
        expected = direct.model.get_image_embeddings(direct.inputs(pixels)["pixel_values"])
    embedding = engine.embed(pixels)
    assert embedding.image_size == size and len(embedding.parts) == 3
    for part, other in zip(embedding.parts, expected, strict=True):
        np.testing.assert_array_equal(part, other.numpy())


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("name", ["nothing", "mask", *PROMPTS])
@pytest.mark.parametrize("size", SIZES)
def test_masks_are_equal(size: tuple[int, int], name: str, multimask: bool, engine: Sam2Engine, direct: Direct) -> None:
    pixels, (points, labels, box, mask) = picture(*size), PROMPTS.get(name, ([], [], None, None))
    mask = MASK if name == "mask" else mask
    low_res, scores, masks = direct.answer(direct.inputs(pixels, points, labels, box), multimask, mask)
    asked = prompt(name) if name in PROMPTS else Prompt(mask=mask)
    (found,) = engine.predict([PromptQuery(pixels, [asked], multimask, best=False, logits=True)])[0].segments
    order = np.argsort(-scores, kind="stable")
    assert len(order) == (3 if multimask else 1)
    np.testing.assert_array_equal(found.low_res, low_res[order])
    np.testing.assert_array_equal(found.scores, scores[order].clip(0, 1))
    np.testing.assert_array_equal(bitmaps(found.masks), masks[order])
    assert found.logits is not None
    np.testing.assert_array_equal(found.logits > 0, masks[order])


def test_masks_differ_by_the_prompt(engine: Sam2Engine) -> None:
    embedding = engine.embed(picture(480, 640))
    prompts = [Prompt(np.array([point], np.float32), np.array([1])) for point in ([20, 20], [600, 400])]
    one, other = engine.predict([PromptQuery(embedding, prompts)])[0].segments
    assert 0 < bitmaps(one.masks).mean() < 1 and (bitmaps(one.masks) != bitmaps(other.masks)).any()


def test_a_mask_of_another_size_is_refused(engine: Sam2Engine) -> None:
    """Transformers would resize it."""
    query = PromptQuery(picture(50, 50), [Prompt(mask=np.zeros((64, LOW_RES), np.float32))])
    with pytest.raises(BadRequest, match="the mask of the prompt is 64×32; model .* takes 32×32 logits"):
        engine.predict([query])


def test_the_encoder_ends_at_the_next_layer(engine: Sam2Engine) -> None:
    left = [None, None]

    def check() -> None:
        if not left:
            raise DeadlineExceeded("too late")
        left.pop()

    with cancelled_by(check), pytest.raises(DeadlineExceeded):
        engine.embed(picture(480, 640))
    assert engine.embed(picture(480, 640)).parts


def test_a_folder_of_the_model_for_videos(tmp_path: Path, engine: Sam2Engine) -> None:
    """As Meta publishes them, with parts for videos that pictures do not need."""
    from safetensors.torch import load_file, save_file

    folder = tiny_sam2(tmp_path / "video")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "sam2_video", "architectures": ["Sam2VideoModel"], "memory_attention_num_layers": 4}
    config["mask_decoder_config"]["model_type"] = "sam2_video_mask_decoder"
    (folder / "config.json").write_text(json.dumps(config))
    state = load_file(folder / "model.safetensors")
    save_file({**state, "memory_attention.layer_norm.weight": torch.ones(8)}, folder / "model.safetensors")
    pixels = picture(60, 80)
    np.testing.assert_array_equal(loaded("sam2", folder).embed(pixels).parts[0], engine.embed(pixels).parts[0])
