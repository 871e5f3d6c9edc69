"""SAM answers what transformers' own model and processor answer, number by number."""

from pathlib import Path

import numpy as np
import pytest
import torch

from container.cancellation import cancelled_by
from container.engines.kinds.sam import SamEngine
from container.errors import BadImage, BadRequest, DeadlineExceeded
from container.structures import Embedding, Prompt, PromptQuery
from tests.promptable_models import LOW_RES, MASK, PROMPTS, SIZES, Direct, bitmaps, loaded, picture, prompt, tiny_sam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sam(tmp_path_factory.mktemp("sam") / "tiny")


@pytest.fixture(scope="module")
def engine(folder: Path) -> SamEngine:
    engine: SamEngine = loaded("sam", folder)
    return engine


@pytest.fixture(scope="module")
def direct(folder: Path) -> Direct:
    return Direct(folder)


@pytest.mark.parametrize("size", SIZES)
def test_embeddings_are_equal(size: tuple[int, int], engine: SamEngine, direct: Direct) -> None:
    pixels = picture(*size)
    with torch.no_grad():
        expected = direct.model.get_image_embeddings(direct.inputs(pixels)["pixel_values"])
    embedding = engine.embed(pixels)
    assert embedding.image_size == size and len(embedding.parts) == 1
    np.testing.assert_array_equal(embedding.parts[0], expected.numpy())


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("size", SIZES)
def test_masks_are_equal(size: tuple[int, int], name: str, multimask: bool, engine: SamEngine, direct: Direct) -> None:
    pixels, (points, labels, box, mask) = picture(*size), PROMPTS[name]
    low_res, scores, masks = direct.answer(direct.inputs(pixels, points, labels, box), multimask, mask)
    (found,) = engine.predict([PromptQuery(pixels, [prompt(name)], multimask, best=False, logits=True)])[0].segments
    order = np.argsort(-scores, kind="stable")
    assert len(order) == (3 if multimask else 1)
    np.testing.assert_array_equal(found.low_res, low_res[order])
    np.testing.assert_array_equal(found.scores, scores[order].clip(0, 1))
    np.testing.assert_array_equal(bitmaps(found.masks), masks[order])
    assert found.logits is not None
    np.testing.assert_array_equal(found.logits > 0, masks[order])


def test_masks_differ_by_the_prompt(engine: SamEngine) -> None:
    embedding = engine.embed(picture(480, 640))
    prompts = [Prompt(np.array([point], np.float32), np.array([1])) for point in ([20, 20], [600, 400])]
    one, other = engine.predict([PromptQuery(embedding, prompts)])[0].segments
    assert 0 < bitmaps(one.masks).mean() < 1 and (bitmaps(one.masks) != bitmaps(other.masks)).any()


@pytest.mark.parametrize("mask", [None, MASK])
def test_no_point_and_no_box_is_one_point_of_padding(
    mask: np.ndarray | None, engine: SamEngine, direct: Direct
) -> None:
    embedding = engine.embed(picture(480, 640))
    given = {} if mask is None else {"input_masks": torch.from_numpy(mask)[None, None]}
    padding = {"input_points": torch.zeros(1, 1, 0, 2), "input_labels": torch.zeros(1, 1, 0)}
    sparse, _ = direct.model.get_prompt_embeddings(**padding)
    assert torch.equal(sparse[0, 0], direct.model.prompt_encoder.not_a_point_embed.weight)
    with torch.no_grad():
        expected = direct.model(image_embeddings=torch.from_numpy(embedding.parts[0]), **padding, **given)
    found = engine.candidates(embedding, Prompt(mask=mask), True)
    np.testing.assert_array_equal(found.low_res, expected.pred_masks[0, 0].numpy())


@pytest.mark.parametrize(("shape", "words"), [((16, LOW_RES), "16×32"), ((1, LOW_RES, LOW_RES), "1×32×32")])
def test_a_mask_of_another_size_is_refused(shape: tuple[int, ...], words: str, engine: SamEngine) -> None:
    query = PromptQuery(picture(50, 50), [Prompt(mask=np.zeros(shape, np.float32))])
    with pytest.raises(BadRequest, match=f"the mask of the prompt is {words}; model .* takes 32×32 logits"):
        engine.predict([query])


def test_a_line_of_pixels_is_refused(engine: SamEngine) -> None:
    assert engine.embed(picture(256, 1)).image_size == (256, 1)
    with pytest.raises(BadImage, match="the picture has 1×300 pixels, and nothing is left of the short side"):
        engine.embed(picture(300, 1))
    with pytest.raises(BadImage, match="the picture has 900×2 pixels"):
        engine.predict([PromptQuery(Embedding((np.zeros((1, 32, 8, 8), np.float32),), (2, 900)), [Prompt()])])


def test_the_encoder_ends_at_the_next_layer(engine: SamEngine) -> None:
    left = [None, None]

    def check() -> None:
        if not left:
            raise DeadlineExceeded("too late")
        left.pop()

    with cancelled_by(check), pytest.raises(DeadlineExceeded):
        engine.embed(picture(480, 640))
    assert engine.embed(picture(480, 640)).parts
