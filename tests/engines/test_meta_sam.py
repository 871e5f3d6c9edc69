"""Meta's weights files of SAM are packed: their names and sizes, from a tiny network under Meta's names.

With `segment-anything` 1.0 of PyPI, embeddings and masks of such a network were equal up to 1e-6.
"""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from container.cli import main
from container.engines import meta_sam
from container.errors import ModelError
from container.models import artifact
from tests.promptable_models import loaded, picture

WIDTH, HEADS, GRID, WINDOW, CHANNELS = 48, 3, 8, 3, 64


def linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def convolution(name: str, *shape: int, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": (channels,)}


def encoder() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"pos_embed": (1, GRID, GRID, WIDTH)}
    shapes |= convolution("patch_embed.proj", WIDTH, 3, 16, 16, channels=WIDTH)
    for i, side in enumerate([WINDOW, GRID, WINDOW]):
        block = f"blocks.{i}"
        shapes |= norm(f"{block}.norm1", WIDTH) | norm(f"{block}.norm2", WIDTH)
        shapes |= linear(f"{block}.attn.qkv", 3 * WIDTH, WIDTH) | linear(f"{block}.attn.proj", WIDTH, WIDTH)
        shapes |= {f"{block}.attn.rel_pos_{axis}": (2 * side - 1, WIDTH // HEADS) for axis in "hw"}
        shapes |= linear(f"{block}.mlp.lin1", 4 * WIDTH, WIDTH) | linear(f"{block}.mlp.lin2", WIDTH, 4 * WIDTH)
    shapes |= {"neck.0.weight": (CHANNELS, WIDTH, 1, 1), "neck.2.weight": (CHANNELS, CHANNELS, 3, 3)}
    return shapes | norm("neck.1", CHANNELS) | norm("neck.3", CHANNELS)


def prompts() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"pe_layer.positional_encoding_gaussian_matrix": (2, CHANNELS // 2)}
    names = [*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"]
    shapes |= {f"{name}.weight": (1, CHANNELS) for name in names}
    shapes |= convolution("mask_downscaling.0", 4, 1, 2, 2, channels=4) | norm("mask_downscaling.1", 4)
    shapes |= convolution("mask_downscaling.3", 16, 4, 2, 2, channels=16) | norm("mask_downscaling.4", 16)
    return shapes | convolution("mask_downscaling.6", CHANNELS, 16, 1, 1, channels=CHANNELS)


def attention(name: str, inner: int) -> dict[str, tuple[int, ...]]:
    shapes = {key: one for part in "qkv" for key, one in linear(f"{name}.{part}_proj", inner, CHANNELS).items()}
    return shapes | linear(f"{name}.out_proj", CHANNELS, inner)


def perceptron(name: str, out: int, depth: int = 3) -> dict[str, tuple[int, ...]]:
    sides = [CHANNELS] * depth + [out]
    return {key: one for i in range(depth) for key, one in linear(f"{name}.layers.{i}", sides[i + 1], sides[i]).items()}


def decoder() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"iou_token.weight": (1, CHANNELS), "mask_tokens.weight": (4, CHANNELS)}
    for i in range(2):
        layer = f"transformer.layers.{i}"
        for j in range(1, 5):
            shapes |= norm(f"{layer}.norm{j}", CHANNELS)
        shapes |= attention(f"{layer}.self_attn", CHANNELS)
        for name in ("cross_attn_token_to_image", "cross_attn_image_to_token"):
            shapes |= attention(f"{layer}.{name}", CHANNELS // 2)
        shapes |= linear(f"{layer}.mlp.lin1", 128, CHANNELS) | linear(f"{layer}.mlp.lin2", CHANNELS, 128)
    shapes |= attention("transformer.final_attn_token_to_image", CHANNELS // 2)
    shapes |= norm("transformer.norm_final_attn", CHANNELS)
    quarter, eighth = CHANNELS // 4, CHANNELS // 8
    shapes |= convolution("output_upscaling.0", CHANNELS, quarter, 2, 2, channels=quarter)
    shapes |= norm("output_upscaling.1", quarter)
    shapes |= convolution("output_upscaling.3", quarter, eighth, 2, 2, channels=eighth)
    for i in range(4):
        shapes |= perceptron(f"output_hypernetworks_mlps.{i}", eighth)
    return shapes | perceptron("iou_prediction_head", 4)


def state() -> dict[str, torch.Tensor]:
    parts = {"image_encoder": encoder(), "prompt_encoder": prompts(), "mask_decoder": decoder()}
    generator = torch.Generator().manual_seed(0)
    return {
        f"{part}.{name}": torch.randn(shape, generator=generator) * 0.2
        for part, shapes in parts.items()
        for name, shape in shapes.items()
    }


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(state(), tmp_path / "sam_vit_t.pth")
    return tmp_path / "sam_vit_t.pth"


# One of each kind of name: Meta's, and transformers'.
NAMES = {
    "image_encoder.pos_embed": "vision_encoder.pos_embed",
    "image_encoder.patch_embed.proj.weight": "vision_encoder.patch_embed.projection.weight",
    "image_encoder.blocks.2.norm1.bias": "vision_encoder.layers.2.layer_norm1.bias",
    "image_encoder.blocks.1.attn.rel_pos_w": "vision_encoder.layers.1.attn.rel_pos_w",
    "image_encoder.blocks.0.mlp.lin2.weight": "vision_encoder.layers.0.mlp.lin2.weight",
    "image_encoder.neck.0.weight": "vision_encoder.neck.conv1.weight",
    "image_encoder.neck.1.weight": "vision_encoder.neck.layer_norm1.weight",
    "image_encoder.neck.2.weight": "vision_encoder.neck.conv2.weight",
    "image_encoder.neck.3.bias": "vision_encoder.neck.layer_norm2.bias",
    "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": "shared_image_embedding.positional_embedding",
    "prompt_encoder.point_embeddings.3.weight": "prompt_encoder.point_embed.3.weight",
    "prompt_encoder.not_a_point_embed.weight": "prompt_encoder.not_a_point_embed.weight",
    "prompt_encoder.mask_downscaling.0.weight": "prompt_encoder.mask_embed.conv1.weight",
    "prompt_encoder.mask_downscaling.1.weight": "prompt_encoder.mask_embed.layer_norm1.weight",
    "prompt_encoder.mask_downscaling.3.weight": "prompt_encoder.mask_embed.conv2.weight",
    "prompt_encoder.mask_downscaling.4.bias": "prompt_encoder.mask_embed.layer_norm2.bias",
    "prompt_encoder.mask_downscaling.6.bias": "prompt_encoder.mask_embed.conv3.bias",
    "mask_decoder.mask_tokens.weight": "mask_decoder.mask_tokens.weight",
    "mask_decoder.transformer.layers.1.norm4.weight": "mask_decoder.transformer.layers.1.layer_norm4.weight",
    "mask_decoder.transformer.norm_final_attn.bias": "mask_decoder.transformer.layer_norm_final_attn.bias",
    "mask_decoder.output_upscaling.0.weight": "mask_decoder.upscale_conv1.weight",
    "mask_decoder.output_upscaling.1.weight": "mask_decoder.upscale_layer_norm.weight",
    "mask_decoder.output_upscaling.3.bias": "mask_decoder.upscale_conv2.bias",
    **{
        f"mask_decoder.{part}.layers.{i}.weight": f"mask_decoder.{part}.{name}.weight"
        for part in ("output_hypernetworks_mlps.2", "iou_prediction_head")
        for i, name in enumerate(["proj_in", "layers.0", "proj_out"])
    },
}


def test_a_packed_file_is_what_transformers_reads(weights: Path, tmp_path: Path) -> None:
    from transformers import SamModel

    archive = tmp_path / "out" / "model.tar.gz"
    arguments = [
        "pack",
        "--architecture",
        "sam",
        "--weights",
        str(weights),
        "--name",
        "vit_t",
        "--output",
        str(archive),
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0 and "model.tar.gz: vit_t, " in done.output and "classes" not in done.output
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["model.json", "config.json", "preprocessor_config.json", "model.safetensors"]
    with artifact.opened(archive) as spec:
        assert (spec.name, spec.architecture) == ("vit_t", "sam") and isinstance(spec.weights, Path)
        folder = spec.weights.parent
        vision = json.loads((folder / "config.json").read_text())["vision_config"]
        direct = SamModel.from_pretrained(folder).eval()
        engine = loaded("sam", folder)
    assert vision == {
        "hidden_size": WIDTH, "num_hidden_layers": 3, "num_attention_heads": HEADS, "mlp_dim": 4 * WIDTH,
        "image_size": 16 * GRID, "patch_size": 16, "window_size": WINDOW, "global_attn_indexes": [1],
        "output_channels": CHANNELS, "num_pos_feats": CHANNELS // 2,
    }  # fmt: skip
    own, given = direct.state_dict(), state()
    assert len(own) == len(given) + 1  # one is there under two names
    for meta, name in NAMES.items():
        assert torch.equal(own[name], given[meta]), meta
    pixels = engine._processor(images=picture(60, 80), input_data_format="channels_last", return_tensors="pt")
    with torch.no_grad():
        expected = direct.get_image_embeddings(pixels["pixel_values"])
    np.testing.assert_array_equal(engine.embed(picture(60, 80)).parts[0], expected.numpy())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            lambda state: state.pop("image_encoder.neck.0.weight"),
            "'sam_vit_t.pth' are none of Meta's SAM, ViT-B, ViT-L or ViT-H: image_encoder.neck.0.weight is missing",
        ),
        (
            lambda state: [state.pop(name) for name in [*state] if ".blocks." in name],
            "'sam_vit_t.pth' are none of Meta's SAM, ViT-B, ViT-L or ViT-H; a MobileSAM is served as a pair",
        ),
        (
            lambda state: state.update({"image_encoder.pos_embed": torch.ones(1)}),
            "'sam_vit_t.pth' are none of Meta's SAM, ViT-B, ViT-L or ViT-H; a MobileSAM is served as a pair",
        ),
        (
            lambda state: state.pop("mask_decoder.iou_token.weight"),
            "weights of 'sam' do not fit its config.json: mask_decoder.iou_token.weight is missing",
        ),
    ],
)
def test_what_is_no_sam_of_meta(changed: Callable[[Any], object], words: str, weights: Path, tmp_path: Path) -> None:
    content = state()
    changed(content)
    torch.save(content, weights)
    arguments = ["pack", "--architecture", "sam", "--weights", str(weights), "--output", str(tmp_path / "m.tar.gz")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1 and words in done.output and not (tmp_path / "m.tar.gz").exists()


@pytest.mark.parametrize(
    ("architecture", "given", "words"),
    [
        ("sam2", "sam_vit_t.pth", "sam2 is served from a folder of files"),
        ("sam", "COCO_V1", "sam has no weights 'COCO_V1'"),
        ("sam", "gone.pth", "weights 'gone.pth': not a file that ends in"),
    ],
)
def test_what_is_not_packed(architecture: str, given: str, words: str, weights: Path, tmp_path: Path) -> None:
    path = given if given.isupper() else str(weights.parent / given)
    arguments = ["pack", "--architecture", architecture, "--weights", path, "--output", str(tmp_path / "m.tar.gz")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1 and words in done.output


def test_a_pickle_that_runs_something_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "sam.pth").write_bytes(b"\x80\x04cos\nsystem\n(S'touch %s/ran'\ntR." % bytes(tmp_path))
    with pytest.raises(ModelError, match="weights 'sam.pth' cannot be read"):
        meta_sam.convert(tmp_path / "sam.pth", tmp_path)
    assert not (tmp_path / "ran").exists()
