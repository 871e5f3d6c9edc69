"""Meta's own weights files of Segment Anything as the folders that transformers reads: names and sizes.

The files hold weights alone. The sizes of a network follow from those of its tensors; the heads of the mask decoder do
not, and are eight in each.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from container.engines import weight_files
from container.engines.huggingface import CONFIG, PREPROCESSOR, WEIGHTS
from container.errors import ModelError

HEADS = 8  # of the mask decoder
# Of the layer norms in the mask decoder's layers; transformers' default is 1e-6.
NORM_EPSILON = 1e-5
_ENCODER, _PROMPTS, _DECODER = "image_encoder", "prompt_encoder", "mask_decoder"
# Meta's names → transformers'; each that matches is replaced, in this order.
_NAMES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
        (r"^image_encoder\.patch_embed\.proj\.", "vision_encoder.patch_embed.projection."),
        (r"^image_encoder\.neck\.0\.", "vision_encoder.neck.conv1."),
        (r"^image_encoder\.neck\.1\.", "vision_encoder.neck.layer_norm1."),
        (r"^image_encoder\.neck\.2\.", "vision_encoder.neck.conv2."),
        (r"^image_encoder\.neck\.3\.", "vision_encoder.neck.layer_norm2."),
        (r"^image_encoder\.", "vision_encoder."),
        (r"(layers\.\d+)\.norm(\d)\.", r"\1.layer_norm\2."),
        (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
        (r"^prompt_encoder\.pe_layer\.\w+$", "shared_image_embedding.positional_embedding"),
        (r"^prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
        (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
        (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
        (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
        (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
        (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
        (r"\.output_upscaling\.0\.", ".upscale_conv1."),
        (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
        (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    )
)  # fmt: skip
# Perceptrons: the first and the last of their layers have names, those between are counted again.
_PERCEPTRON = re.compile(r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))\.layers\.(\d+)\.")


def convert(weights: Path, folder: Path) -> None:
    """Write config.json, preprocessor_config.json and model.safetensors for one of Meta's files; ModelError."""
    state = weight_files.read(weights)
    try:
        config = _config(state)
    except (KeyError, IndexError, ValueError, ZeroDivisionError, StopIteration) as error:
        lacking = f": {error.args[0]} is missing" if isinstance(error, KeyError) else ""
        raise ModelError(
            f"weights {weights.name!r} are none of Meta's SAM, ViT-B, ViT-L or ViT-H{lacking}; "
            "a MobileSAM is served as a pair of ONNX files"
        ) from error
    depth = config["mask_decoder_config"]["iou_head_depth"]
    save_file({_named(name, depth): tensor.contiguous() for name, tensor in state.items()}, folder / WEIGHTS)
    side = config["vision_config"]["image_size"]
    pictures = {"size": {"longest_edge": side}, "pad_size": {"height": side, "width": side}}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (folder / PREPROCESSOR).write_text(
        json.dumps({"image_processor_type": "SamImageProcessor", **pictures}, indent=1) + "\n", encoding="utf-8"
    )


def _named(name: str, depth: int) -> str:
    """Return transformers' name of a tensor; `depth` is the number of layers of the head that predicts IoUs."""
    if found := _PERCEPTRON.match(name):
        layer, last = int(found[2]), (depth if "iou" in found[1] else 3) - 1
        inner = "proj_in" if layer == 0 else "proj_out" if layer == last else f"layers.{layer - 1}"
        return f"{found[1]}.{inner}.{name[found.end() :]}"
    for pattern, other in _NAMES:
        name = pattern.sub(other, name)
    return name


def _config(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return what config.json says of a network, by the sizes of its tensors; KeyError names one that is missing."""
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    width, _, patch, _ = shapes[f"{_ENCODER}.patch_embed.proj.weight"]
    _, grid, _, _ = shapes[f"{_ENCODER}.pos_embed"]
    layers = [shapes[f"{_ENCODER}.blocks.{i}.attn.rel_pos_h"] for i in range(_count(shapes, f"{_ENCODER}.blocks"))]
    whole = [i for i, (length, _) in enumerate(layers) if length == 2 * grid - 1]
    windows = {(length + 1) // 2 for i, (length, _) in enumerate(layers) if i not in whole}
    channels = shapes[f"{_ENCODER}.neck.0.weight"][0]
    tokens, transformer = shapes[f"{_DECODER}.mask_tokens.weight"], f"{_DECODER}.transformer.layers"
    return {
        "architectures": ["SamModel"],
        "model_type": "sam",
        "vision_config": {
            "hidden_size": width,
            "num_hidden_layers": len(layers),
            "num_attention_heads": width // layers[0][1],
            "mlp_dim": shapes[f"{_ENCODER}.blocks.0.mlp.lin1.weight"][0],
            "image_size": grid * patch,
            "patch_size": patch,
            "window_size": windows.pop() if len(windows) == 1 else 14,
            "global_attn_indexes": whole,
            "output_channels": channels,
            "num_pos_feats": shapes[f"{_PROMPTS}.pe_layer.positional_encoding_gaussian_matrix"][1],
        },
        "prompt_encoder_config": {
            "hidden_size": channels,
            "image_size": grid * patch,
            "patch_size": patch,
            "mask_input_channels": shapes[f"{_PROMPTS}.mask_downscaling.3.weight"][0],
            "num_point_embeddings": _count(shapes, f"{_PROMPTS}.point_embeddings"),
        },
        "mask_decoder_config": {
            "hidden_size": tokens[1],
            "num_multimask_outputs": tokens[0] - 1,
            "num_hidden_layers": _count(shapes, transformer),
            "mlp_dim": shapes[f"{transformer}.0.mlp.lin1.weight"][0],
            "num_attention_heads": HEADS,
            "attention_downsample_rate": tokens[1]
            // shapes[f"{transformer}.0.cross_attn_token_to_image.q_proj.weight"][0],
            "iou_head_depth": _count(shapes, f"{_DECODER}.iou_prediction_head.layers"),
            "iou_head_hidden_dim": shapes[f"{_DECODER}.iou_prediction_head.layers.0.weight"][0],
            "layer_norm_eps": NORM_EPSILON,
        },
    }


def _count(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    """Return the number of numbered parts of a part."""
    depth = prefix.count(".") + 1
    return len({name.split(".")[depth] for name in shapes if name.startswith(prefix + ".")})
