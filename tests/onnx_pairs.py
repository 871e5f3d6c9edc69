"""Pairs of ONNX files exported from a SamModel of transformers, in the forms that exporters of SAM give them."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
INPUTS = ("image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size")
OUTPUTS = ("masks", "iou_predictions", "low_res_masks")


@dataclass(frozen=True)
class Form:
    """How a pair is exported."""

    layout: str = "NCHW"  # HWC and NHWC: 0–255, normalised and padded in the graph
    image: torch.dtype = torch.float32
    fixed: bool = True  # the sides of the picture
    numbers: torch.dtype = torch.float32  # of points and labels
    floats: torch.dtype = torch.float32  # of everything else
    batched: bool = True  # points have a dimension for prompts
    inputs: Sequence[str] = INPUTS
    outputs: Sequence[str] = OUTPUTS
    masks: int = 1  # 1: the best as Meta's exporter chooses it; 3: without the first; 4: all


class Encoder(nn.Module):
    """From a picture to the embedding."""

    def __init__(self, sam: Any, form: Form) -> None:
        super().__init__()
        self._network, self._form, self._side = sam.vision_encoder, form, sam.config.vision_config.image_size

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        picture = picture.float()
        if self._form.layout.endswith("C"):
            picture = picture.permute(2, 0, 1)[None] if picture.dim() == 3 else picture.permute(0, 3, 1, 2)
        if self._form.layout.endswith("C") or self._form.image == torch.uint8:
            picture = (picture - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)
            height, width = picture.shape[-2:]
            picture = functional.pad(picture, (0, self._side - width, 0, self._side - height))
        embedding: torch.Tensor = self._network(picture)[0]
        return embedding


class Decoder(nn.Module):
    """From prompts to masks, as Meta's SamOnnxModel does it."""

    def __init__(self, sam: Any, form: Form) -> None:
        super().__init__()
        self._sam, self._form, self._side = sam, form, sam.config.vision_config.image_size

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = dict(zip(self._form.inputs, values, strict=True))
        points, labels = given["point_coords"].float(), given["point_labels"].float()
        if not self._form.batched:
            points, labels = points[None], labels[None]
        low_res, scores = self._masks(given, points, labels)
        low_res, scores = self._chosen(low_res, scores, points.shape[1])
        made = {"low_res_masks": low_res, "iou_predictions": scores}
        if "masks" in self._form.outputs:
            made["masks"] = self._whole(low_res, given["orig_im_size"]) if "orig_im_size" in given else low_res
        return tuple(made[name].to(self._form.floats) for name in self._form.outputs)

    def _masks(self, given: dict[str, torch.Tensor], points: torch.Tensor, labels: torch.Tensor) -> Any:
        encoder = self._sam.prompt_encoder
        sparse = encoder.shared_embedding(points[:, None] + 0.5, (self._side, self._side))[:, 0]
        label = labels[..., None]
        sparse = torch.where(label == -1, encoder.not_a_point_embed.weight, sparse)
        for i, embedding in enumerate(encoder.point_embed):
            sparse = sparse + embedding.weight * (label == i)
        dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        if "mask_input" in given:
            there = given["has_mask_input"].float() if "has_mask_input" in given else 1.0
            dense = there * encoder.mask_embed(given["mask_input"].float()) + (1 - there) * dense
        embedding = given["image_embeddings"].float()
        position = self._sam.get_image_wide_positional_embeddings()
        found = [
            self._sam.mask_decoder(
                image_embeddings=embedding,
                image_positional_embeddings=position,
                sparse_prompt_embeddings=sparse[:, None],
                dense_prompt_embeddings=dense.expand_as(embedding),
                multimask_output=multimask,
            )
            for multimask in (False, True)
        ]
        return (torch.cat([one[i][:, 0] for one in found], 1) for i in (0, 1))

    def _chosen(self, masks: torch.Tensor, scores: torch.Tensor, points: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self._form.masks == 4:
            return masks, scores
        if self._form.masks == 3:
            return masks[:, 1:], scores[:, 1:]
        weight = torch.tensor([[1000.0, 0, 0, 0]])
        best = (scores + (points - 2.5) * weight).argmax(1)
        return masks[:, best], scores[:, best]

    def _whole(self, low_res: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        size = size.float()
        fitted = torch.floor(size * (self._side / torch.max(size)) + 0.5).to(torch.int64)
        square = functional.interpolate(low_res, (self._side, self._side), mode="bilinear", align_corners=False)
        square = square[..., : fitted[0], : fitted[1]]
        height, width = size.to(torch.int64)
        return functional.interpolate(square, (height, width), mode="bilinear", align_corners=False)


def export(sam: Any, folder: Path, form: Form) -> Path:
    """Write encoder.onnx and decoder.onnx into a new `folder`; return that."""
    folder.mkdir(parents=True)
    export_encoder(sam, folder / "encoder.onnx", form)
    export_decoder(sam, folder / "decoder.onnx", form)
    return folder


def export_encoder(sam: Any, path: Path, form: Form) -> None:
    """Write the encoder."""
    side = sam.config.vision_config.image_size
    shape = {"NCHW": (1, 3, side, side), "HWC": (side, side, 3), "NHWC": (1, side, side, 3)}[form.layout]
    free = {} if form.fixed else {shape.index(side): "height", shape.index(side) + 1: "width"}
    picture = torch.zeros(shape).to(form.image)
    write(Encoder(sam, form), (picture,), path, ["picture"], ["embedding"], {"picture": free})


def export_decoder(sam: Any, path: Path, form: Form) -> None:
    """Write the decoder."""
    side, embedding = sam.config.vision_config.image_size, sam.config.prompt_encoder_config.image_embedding_size
    channels = sam.config.prompt_encoder_config.hidden_size
    one = (1,) * form.batched
    values = {
        "image_embeddings": torch.zeros(1, channels, embedding, embedding),
        "point_coords": torch.zeros(*one, 3, 2),
        "point_labels": torch.ones(*one, 3),
        "mask_input": torch.zeros(1, 1, 4 * embedding, 4 * embedding),
        "has_mask_input": torch.zeros(1),
        "orig_im_size": torch.tensor([90.0, side]),
    }
    kinds = {name: form.numbers if name.startswith("point") else form.floats for name in form.inputs}
    given = tuple(values[name].to(kinds[name]) for name in form.inputs)
    axes = {name: {len(one): "points"} for name in ("point_coords", "point_labels")}
    write(Decoder(sam, form), given, path, form.inputs, form.outputs, axes)


def write(
    module: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    path: Path,
    names: Sequence[str],
    outputs: Sequence[str],
    axes: dict[str, dict[int, str]],
) -> None:
    """Export a module. torch needs the package onnx for functions of onnxscript alone, and there are none in these."""
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    own, buffer = onnx_proto_utils._add_onnxscript_fn, io.BytesIO()
    onnx_proto_utils._add_onnxscript_fn = lambda model, opsets: model
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's age, and of sizes that a trace fixes
            torch.onnx.export(
                module.eval(), inputs, buffer, dynamo=False, opset_version=17,
                input_names=list(names), output_names=list(outputs), dynamic_axes=axes,
            )  # fmt: skip
    finally:
        onnx_proto_utils._add_onnxscript_fn = own
    path.write_bytes(buffer.getvalue())
