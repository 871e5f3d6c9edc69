"""Pairs of ONNX files against the network that they are exported from, in every form that exporters write."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch.nn.functional import interpolate

from container import cancellation
from container.engines import base, onnx_parameters, runtime
from container.engines.kinds import sam_onnx
from container.engines.kinds.sam_onnx import PairEngine
from container.errors import BadRequest, DeadlineExceeded, InsufficientMemory, ModelError
from container.models import artifact
from container.structures import Embedding, ModelSpec, Prompt, PromptQuery
from tests.onnx_pairs import INPUTS, MEAN, OUTPUTS, STD, Form, export, export_decoder, export_encoder
from tests.promptable_models import LOW_RES, PROMPTS, SIDE, SIZES, tiny_sam

CPU = runtime.start("cpu", "fp32", 2)
PICTURE = skimage.data.astronaut()[:96, 100 : 100 + SIDE]  # its long side is the network's, so points stay whole
POINT = Prompt(np.array([[40, 30]], np.float32), np.array([1]))
BOX = Prompt(np.array([[30, 40]], np.float32), np.array([0]), np.array([10, 8, 100, 90], np.float32))


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import SamModel

    return SamModel.from_pretrained(tiny_sam(tmp_path_factory.mktemp("sam"))).eval()


@pytest.fixture(scope="module")
def folder(sam: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(sam, tmp_path_factory.mktemp("pair") / "pair", Form())


@pytest.fixture(scope="module")
def engine(folder: Path) -> PairEngine:
    return load(folder)


def load(folder: Path, **parameters: Any) -> PairEngine:
    engine = base.load(ModelSpec("pair", "sam_onnx", folder, parameters=parameters), CPU)
    assert isinstance(engine, PairEngine)
    return engine


def untried(folder: Path, **parameters: Any) -> PairEngine:
    """Without the process that tries a pair first."""
    return sam_onnx.start(ModelSpec("pair", "sam_onnx", folder), folder, onnx_parameters.read(parameters), False)


def photo(size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(skimage.data.astronaut()).resize(size[::-1]))


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    height, width = (max(1, int(side * SIDE / max(size) + 0.5)) for side in size)
    return height, width


def seen(pixels: np.ndarray) -> torch.Tensor:
    """The picture as the network sees it."""
    height, width = fitted(pixels.shape[:2])
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
    canvas = torch.zeros(1, 3, SIDE, SIDE)
    canvas[0, :, :height, :width] = torch.tensor((small - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)
    return canvas


def expected(sam: Any, embedding: Embedding, prompt: Prompt, multimask: bool) -> tuple[np.ndarray, np.ndarray]:
    """Low-resolution masks and scores of the network itself."""
    (height, width), small = embedding.image_size, fitted(embedding.image_size)
    scale = torch.tensor([small[1] / width, small[0] / height])
    labels = torch.tensor(prompt.labels)
    points = {"input_points": (torch.tensor(prompt.points) * scale)[None, None], "input_labels": labels[None, None]}
    box = None if prompt.box is None else (torch.tensor(prompt.box).reshape(2, 2) * scale).reshape(1, 1, 4)
    with torch.no_grad():
        found = sam(
            image_embeddings=torch.tensor(embedding.parts[0]),
            input_boxes=box,
            input_masks=None if prompt.mask is None else torch.tensor(prompt.mask)[None, None],
            multimask_output=multimask,
            **(points if len(labels) or box is None else {}),
        )
    return found.pred_masks[0, 0].numpy(), found.iou_scores[0, 0].numpy()


def enlarged(low_res: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = fitted(size)
    square = interpolate(torch.tensor(low_res)[None, None], (SIDE, SIDE), mode="bilinear", align_corners=False)
    square = square[..., :height, :width]
    return interpolate(square, size, mode="bilinear", align_corners=False)[0, 0].numpy()


def best(sam: Any, embedding: Embedding, prompt: Prompt, multimask: bool) -> tuple[np.ndarray, float]:
    low_res, scores = expected(sam, embedding, prompt, multimask)
    return low_res[scores.argmax()], float(scores.max())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_embedding_is_the_networks(engine: PairEngine, sam: Any, size: tuple[int, int]) -> None:
    found = engine.embed(photo(size))
    with torch.no_grad():
        np.testing.assert_allclose(found.parts[0], sam.get_image_embeddings(seen(photo(size))).numpy(), atol=1e-4)
    assert found.image_size == size and found.parts[0].dtype == np.float32


@pytest.mark.parametrize("name", PROMPTS)
def test_masks_are_the_networks(engine: PairEngine, sam: Any, name: str) -> None:
    points, labels, box, mask = PROMPTS[name]
    prompt = Prompt(
        np.array(points, np.float32).reshape(-1, 2),
        np.array(labels, np.int64),
        None if box is None else np.array(box, np.float32),
        mask,
    )
    (answer,) = engine.predict([PromptQuery(photo((480, 640)), [prompt], logits=True)])
    (one,) = answer.segments
    # Meta's exporter takes the best of three for up to two points, the one of padding and corners of boxes included.
    low_res, score = best(sam, answer.embedding, prompt, len(labels) + (1 if box is None else 2) <= 2)
    np.testing.assert_allclose(one.low_res[0], low_res, atol=1e-3)
    np.testing.assert_allclose(one.scores, np.clip([score], 0, 1), atol=1e-4)
    assert one.logits is not None
    logits = enlarged(low_res, (480, 640))
    np.testing.assert_allclose(one.logits[0], logits, atol=1e-3)
    assert not ((one.masks.bitmap(0) != (logits > 0)) & (abs(logits) > 1e-3)).any()
    assert one.masks.bitmap(0).any() and not one.masks.bitmap(0).all()


HALF, WHOLE, BYTES = torch.float16, torch.int64, torch.uint8
# Encoder, decoder, masks for one point, and the share of pixels that are the same, ties aside.
FORMS: dict[str, tuple[Form, Form, int, float]] = {
    "four masks": (Form("HWC", BYTES, fixed=False), Form(inputs=INPUTS[:5], outputs=OUTPUTS[1:], masks=4), 3, 1),
    "three masks without scores": (Form("NHWC", fixed=False), Form(outputs=OUTPUTS[2:], masks=3), 3, 1),
    "whole masks, no dimension of prompts": (Form("HWC"), Form(outputs=OUTPUTS[:2], masks=4, batched=False), 3, 1),
    "points alone": (Form("NCHW", BYTES, fixed=False), Form(inputs=INPUTS[:3], outputs=OUTPUTS[:1], masks=4), 3, 1),
    "half precision, whole pixels": (Form("NCHW", HALF), Form(numbers=WHOLE, floats=HALF), 1, 0.97),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_answers_the_same(sam: Any, tmp_path: Path, name: str) -> None:
    encoder, decoder, count, share = FORMS[name]
    export_encoder(sam, tmp_path / "a.onnx", encoder)
    export_decoder(sam, tmp_path / "b.onnx", decoder)
    engine = untried(tmp_path, **({} if encoder.fixed else {"long_side": SIDE}))
    with torch.no_grad():
        embedding = Embedding((sam.get_image_embeddings(seen(PICTURE)).numpy(),), (96, SIDE))
    prompts = [(POINT, True), (BOX, False)][: 1 if decoder.masks == 3 else 2]  # three have none for a clear prompt
    for prompt, multimask in prompts:
        (one,) = engine.predict([PromptQuery(PICTURE, [prompt], best=False)])[0].segments
        low_res, scores = expected(sam, embedding, prompt, multimask)
        order = np.argsort(-scores, kind="stable") if "iou_predictions" in decoder.outputs else np.arange(len(scores))
        assert len(one.masks) == (count if multimask else 1)
        for i, j in enumerate(order[: len(one.masks)]):
            logits = enlarged(low_res[j], (96, SIDE))
            assert ((one.masks.bitmap(i) == (logits > 0)) | (abs(logits) < 1e-4)).mean() >= share
    masked = replace(POINT, mask=np.zeros((LOW_RES, LOW_RES), np.float32))
    if "mask_input" not in decoder.inputs:
        with pytest.raises(BadRequest, match="model 'pair' takes no mask: leave it out of the prompt"):
            engine.predict([PromptQuery(PICTURE, [masked])])


def test_of_another_shape_is_refused(engine: PairEngine) -> None:
    (given,) = engine.predict([PromptQuery(PICTURE)])
    with pytest.raises(BadRequest, match="the mask of the prompt is 7×8; model 'pair' takes 32×32"):
        engine.predict([PromptQuery(given.embedding, [replace(POINT, mask=np.zeros((7, 8), np.float32))])])
    other = Embedding((np.zeros((1, 32, 4, 4), np.float32),), (96, SIDE))
    with pytest.raises(BadRequest, match="the embedding is 1×32×4×4; model 'pair' takes 1×32×8×8"):
        engine.predict([PromptQuery(other, [POINT])])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"lauout": "HWC"},
            "unknown parameter 'lauout' in model.json; known: encoder, decoder, layout, mean, std, long",
        ),
        ({"layout": "HCW"}, "the parameter layout in model.json is 'HCW'; it takes one of NCHW, CHW, NHWC, HWC"),
        ({"layout": ["HWC"]}, "the parameter layout in model.json is ['HWC']; it takes one of"),
        (
            {"mean": [1, 2]},
            "the parameter mean in model.json is [1, 2]; it takes three numbers, of red, green and blue",
        ),
        ({"mean": [1, 2, float("nan")]}, "the parameter mean in model.json is [1, 2, nan]; it takes three numbers"),
        ({"std": [1, 2, 0]}, "the parameter std in model.json is [1, 2, 0]; it takes three numbers over 0"),
        ({"long_side": True}, "the parameter long_side in model.json is True; it takes a whole number from 16 to 4096"),
        ({"long_side": 10**6}, "the parameter long_side in model.json is 1000000; it takes"),
        ({"long_side": 256}, "the parameter long_side is 256, and encoder.onnx takes pictures of 128×128"),
        ({"encoder": 7}, "the parameter encoder in model.json is 7; it takes the name of a file beside it"),
        (
            {"encoder": "../x.onnx"},
            "the parameters of model.json name '../x.onnx', and there is no such file beside it",
        ),
        (
            {"encoder": "decoder.onnx"},
            "decoder.onnx has an input 'point_coords', so it is the decoder and encoder.onnx",
        ),
        ({"layout": "NHWC"}, "encoder.onnx takes [1,3,128,128], which is no NHWC of one picture"),
        ({"layout": "CHW"}, "encoder.onnx takes [1,3,128,128]; an image encoder takes a picture"),
    ],
)
def test_parameters_that_are_wrong(folder: Path, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        untried(folder, **parameters)
    assert message in str(caught.value)


def test_parameters_say_how_a_picture_is_taken(folder: Path, sam: Any) -> None:
    engine = untried(folder, mean=[0, 0, 0], std=[255, 255, 255], long_side=64)
    found = engine.embed(photo((SIDE, SIDE))).parts[0]
    canvas = torch.zeros(1, 3, SIDE, SIDE)
    small = np.array(Image.fromarray(photo((SIDE, SIDE))).resize((64, 64), Image.Resampling.BILINEAR))
    canvas[0, :, :64, :64] = torch.tensor(small).permute(2, 0, 1) / 255
    with torch.no_grad():
        np.testing.assert_allclose(found, sam.get_image_embeddings(canvas).numpy(), atol=1e-4)


def test_two_of_several_files_are_named(folder: Path, tmp_path: Path) -> None:
    for name in ("encoder.onnx", "decoder.onnx", "decoder.quantized.onnx"):
        (tmp_path / name).write_bytes((folder / name.replace(".quantized", "")).read_bytes())
    with pytest.raises(
        ModelError, match="the .onnx files are decoder.onnx, decoder.quantized.onnx, encoder.onnx: name"
    ):
        untried(tmp_path)
    untried(tmp_path, encoder="encoder.onnx", decoder="decoder.quantized.onnx")


def test_a_folder_is_recognised_and_described(folder: Path, tmp_path: Path) -> None:
    assert artifact.read(folder, tmp_path).architecture == "sam_onnx"
    (folder / "model.json").write_text(json.dumps({"architecture": "sam_onnx", "parameters": {"layout": "NCHW"}}))
    try:
        spec = artifact.read(folder, tmp_path)
    finally:
        (folder / "model.json").unlink()
    engine = base.load(spec, CPU)
    (answer,) = engine.predict([engine.trial()])
    assert len(answer.segments[0].masks) == 1 and engine.task == "sam"


def test_a_query_that_nobody_waits_for_ends(engine: PairEngine) -> None:
    expected = engine.embed(PICTURE).parts[0]

    def late() -> None:
        raise DeadlineExceeded("too late")

    with cancellation.cancelled_by(late), pytest.raises(DeadlineExceeded):
        engine.predict([PromptQuery(PICTURE, [POINT] * 100)])
    np.testing.assert_array_equal(engine.embed(PICTURE).parts[0], expected)


def test_without_openvino(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam_onnx, "openvino_installed", lambda: False)
    with pytest.raises(ModelError, match="an ONNX pair needs OpenVINO, which is not installed: pip install openvino"):
        load(folder)


def test_more_memory_than_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("container.memory.available", lambda: 10_000_000)
    with pytest.raises(InsufficientMemory, match=r"the model takes about \d+ MB, and 10 are free"):
        load(folder)
