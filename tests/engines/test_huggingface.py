"""Folders that transformers would refuse late, at a price, or not at all: one line, before memory is taken."""

import json
import resource
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from container.engines import base
from container.engines.runtime import Runtime
from container.errors import ModelError
from container.structures import ModelSpec
from tests.conftest import ROOT
from tests.promptable_models import SIDE, loaded, picture, tiny_sam, tiny_sam2

MAKERS = {"sam": tiny_sam, "sam2": tiny_sam2}
FIRST = {"sam": "vision_encoder.patch_embed", "sam2": "vision_encoder.backbone.patch_embed"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make(tmp_path_factory.mktemp(name) / "tiny") for name, make in MAKERS.items()}


@pytest.fixture(params=MAKERS)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(architecture: str, made: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(made[architecture], tmp_path / "tiny")


def change(file: Path, **values: Any) -> None:
    """Set values in a JSON file; `a__b` is b in a."""
    content = json.loads(file.read_text())
    for path, value in values.items():
        *outer, last = path.split("__")
        inner = content
        for key in outer:
            inner = inner[key]
        inner[last] = value
    file.write_text(json.dumps(content))


def reason(architecture: str, folder: Path) -> str:
    """The error of loading, which takes neither time nor memory."""
    begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError) as error:
        loaded(architecture, folder)
    assert time.process_time() - begun < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10  # KB
    assert "\n" not in str(error.value) and str(folder.parent) not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", None, "'tiny' holds no config.json"),
        ("config.json", b"{", "config.json of 'tiny' is not a readable JSON object"),
        ("config.json", b"[1]", "config.json of 'tiny' is not a readable JSON object"),
        ("config.json", b"[" * 100_000, "config.json of 'tiny' is not a readable JSON object"),
        ("config.json", b" " * (1 << 20) + b"{}", "config.json of 'tiny' is not a readable JSON object of at most"),
        ("config.json", b"{}", "config.json of 'tiny' is of model type 'None'; sam"),
        ("config.json", b'{"model_type": "clip"}', "config.json of 'tiny' is of model type 'clip'; sam"),
        ("config.json", b'{"model_type": ["sam"]}', "config.json of 'tiny' is of model type"),
        ("preprocessor_config.json", b"{", "preprocessor_config.json of 'tiny' is not a readable JSON object"),
        ("preprocessor_config.json", b'{"size": 7}', "size in preprocessor_config.json of 'tiny' is 7, and"),
        ("preprocessor_config.json", b'{"image_std": [0, 0, 0]}', "preprocessor_config.json of 'tiny' has values"),
        ("preprocessor_config.json", b'{"resample": "x"}', "preprocessor_config.json of 'tiny' has values"),
        ("preprocessor_config.json", b'{"image_mean": [1, 2]}', "preprocessor_config.json of 'tiny' has values"),
        ("model.safetensors", None, "'tiny' holds no model.safetensors; weights in other files are not read"),
        ("model.safetensors", b"", "weights 'model.safetensors' are not a whole safetensors file"),
        ("model.safetensors", b"\x80\x02}q\x00." * 9, "weights 'model.safetensors' are no safetensors"),
        ("model.safetensors", struct.pack("<Q", 2) + b"{}", "asks for a network that is far larger than its weights"),
    ],
)  # fmt: skip
def test_files(file: str, content: bytes | None, words: str, architecture: str, folder: Path) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    assert words in reason(architecture, folder)


FAR_LARGER = "config.json of 'tiny' asks for a network that is far larger than its weights"
CONFIGS: list[tuple[str, dict[str, Any], str]] = [
    ("sam", {"vision_config__num_hidden_layers": 10**9}, FAR_LARGER),
    ("sam", {"vision_config__hidden_size": 10**9}, FAR_LARGER),
    ("sam", {"vision_config__hidden_size": 2 << 40}, FAR_LARGER),
    ("sam", {"vision_config__image_size": 10**6}, FAR_LARGER),
    ("sam", {"mask_decoder_config__num_multimask_outputs": 10**9}, FAR_LARGER),
    ("sam", {"mask_decoder_config__iou_head_depth": 10**9}, FAR_LARGER),
    ("sam", {"prompt_encoder_config__num_point_embeddings": 10**9}, FAR_LARGER),
    ("sam", {"vision_config__num_hidden_layers": 4}, "vision_encoder.layers.3"),
    (
        "sam",
        {"vision_config__num_hidden_layers": 2},
        "fit its config.json, which has no vision_encoder.layers.2",
    ),
    ("sam", {"vision_config__mlp_dim": 64}, "lin1.weight is 128×32, and by config.json 64×32"),
    ("sam", {"vision_config__num_attention_heads": 7}, "attn.rel_pos_h is 5×16, and by config.json 5×4"),
    ("sam", {"vision_config__patch_size": 0}, "has values that make no network together"),
    ("sam", {"vision_config__image_size": [1, 2]}, "config.json of 'tiny'"),
    ("sam", {"vision_config__image_size": "big"}, "cannot be used: image_size of SamVisionConfig"),
    ("sam", {"vision_config__hidden_act": "none"}, "has values that make no network together"),
    ("sam", {"vision_config": [1]}, "vision_config in config.json of 'tiny' is no object"),
    ("sam", {"prompt_encoder_config__image_size": 64}, "has values that make no network together"),
    (
        "sam",
        {"vision_config__image_size": 8192, "vision_config__use_abs_pos": False},
        "is 15×16, and by config.json 1023×16",
    ),
    ("sam2", {"vision_config__backbone_config__blocks_per_stage": [10**9, 1, 2, 1]}, FAR_LARGER),
    ("sam2", {"vision_config__backbone_config__embed_dim_per_stage": [8, 16, 32, 10**9]}, FAR_LARGER),
    ("sam2", {"vision_config__backbone_config__hidden_size": 10**9}, FAR_LARGER),
    ("sam2", {"vision_config__fpn_hidden_size": 10**9}, FAR_LARGER),
    ("sam2", {"vision_config__backbone_config__blocks_per_stage": [1, 1, 2, 2]}, "backbone.blocks.5"),
    ("sam2", {"vision_config__backbone_feature_sizes": [[1, 1]] * 3}, "has values that make no network together"),
    ("sam2", {"vision_config__num_feature_levels": 1}, "has values that make no network together"),
    ("sam2", {"prompt_encoder_config__image_size": 10**6}, FAR_LARGER),
    ("sam2", {"vision_config__backbone_config": "timm/vit"}, "backbone_config in config.json of 'tiny' is no object"),
    ("sam2", {"vision_config__backbone_config__num_attention_heads_per_stage": []}, "make no network together"),
]


@pytest.mark.parametrize(("architecture", "values", "words"), CONFIGS)
def test_configurations(architecture: str, values: dict[str, Any], words: str, folder: Path) -> None:
    change(folder / "config.json", **values)
    assert words in reason(architecture, folder)


def rewrite(folder: Path, changed: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = load_file(folder / "model.safetensors")
    changed(state)
    save_file(state, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda state: state.pop("mask_decoder.iou_token.weight"), "mask_decoder.iou_token.weight is missing"),
        (
            lambda state: state.update({"mask_decoder.iou_token.weight": torch.ones(2, 32)}),
            "mask_decoder.iou_token.weight is 2×32, and by config.json 1×32",
        ),
        (
            lambda state: state.update({"mask_decoder.iou_token.weight": torch.ones(1, 32, dtype=torch.int32)}),
            "mask_decoder.iou_token.weight is missing",
        ),
        (
            lambda state: state["mask_decoder.iou_token.weight"].fill_(torch.inf),
            "not finite, first in mask_decoder",
        ),
        (lambda state: state.update({"mask_decoder.more": torch.ones(1)}), "which has no mask_decoder.more"),
    ],
)
def test_weights(changed: Callable[[Any], object], words: str, architecture: str, folder: Path) -> None:
    rewrite(folder, changed)
    assert words in reason(architecture, folder)


def header(tensors: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        header({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}),
        header({"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, b"1234"),
        header({"a": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}}, b"12345678"),
        header({"a": {"dtype": "F32", "shape": [1] * 99, "data_offsets": [0, 4]}}, b"1234"),
        header({"a": {"dtype": "F32", "shape": [1]}}, b"1234"),
        header({"a": []}),
        header({str(i): {"dtype": "F32", "shape": [256], "data_offsets": [0, 1024]} for i in range(999)}, bytes(1024)),
        struct.pack("<Q", 99) + b"{}",
        struct.pack("<Q", 3) + b"[1]",
    ],
)
def test_headers(content: bytes, architecture: str, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert reason(architecture, folder) == "weights 'model.safetensors' are not a whole safetensors file"


@pytest.mark.parametrize(
    ("weight_map", "words"),
    [
        ({"a": "../secret.safetensors"}, "must have a weight_map of names of 1 to 100 files beside it"),
        ({}, "must have a weight_map of names"),
        ([1], "must have a weight_map of names"),
        ({"a": "other.safetensors"}, "'tiny' lacks 'other.safetensors', which model.safetensors.index.json names"),
        ({str(i): f"{i}.safetensors" for i in range(101)}, "must have a weight_map of names"),
    ],
)
def test_indices(weight_map: object, words: str, architecture: str, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert words in reason(architecture, folder)


def embedding(architecture: str, folder: Path) -> np.ndarray:
    found: np.ndarray = loaded(architecture, folder).embed(picture(60, 80)).parts[0]
    return found


def test_weights_in_several_files_are_the_same(architecture: str, folder: Path) -> None:
    expected = embedding(architecture, folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(state)}
    for file in set(files.values()):
        save_file({name: state[name] for name in state if files[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    np.testing.assert_array_equal(embedding(architecture, folder), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read_as_float32(dtype: torch.dtype, architecture: str, folder: Path) -> None:
    rewrite(folder, lambda state: state.update({name: one.to(dtype) for name, one in state.items()}))
    found = embedding(architecture, folder)
    rewrite(folder, lambda state: state.update({name: one.float() for name, one in state.items()}))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, embedding(architecture, folder))


@pytest.mark.parametrize("name", ["shared_image_embedding", "prompt_encoder.shared_embedding"])
def test_a_tied_tensor_may_be_there_once(name: str, made: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(made["sam"], tmp_path / "tiny")
    expected = embedding("sam", folder)

    def once(state: dict[str, torch.Tensor]) -> None:
        for other in ("shared_image_embedding", "prompt_encoder.shared_embedding"):
            one = state.pop(f"{other}.positional_embedding", None)
            state[f"{name}.positional_embedding"] = state.get(f"{name}.positional_embedding", one)

    rewrite(folder, once)
    np.testing.assert_array_equal(embedding("sam", folder), expected)


def test_without_an_image_processor_the_defaults_apply(architecture: str, folder: Path) -> None:
    expected = embedding(architecture, folder)
    content = (folder / "preprocessor_config.json").read_text()
    (folder / "preprocessor_config.json").unlink()
    np.testing.assert_array_equal(embedding(architecture, folder), expected)
    processor = json.loads(content) | {"image_mean": [0.5, 0.5, 0.5]}
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": processor}))
    assert (embedding(architecture, folder) != expected).any()


def test_what_else_a_folder_holds_is_not_looked_at(architecture: str, folder: Path) -> None:
    """Neither pickles nor code, and no key of transformers' that would fetch, run or allocate something."""
    expected = embedding(architecture, folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'exit 1'\ntR.")
    (folder / "modeling.py").write_text("raise SystemExit(1)")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    change(
        folder / "config.json",
        auto_map={"AutoModel": "modeling.Model"}, num_labels=10**12, quantization_config={"quant_method": "gptq"},
        torch_dtype="float16", output_attentions=True, return_dict=False, _attn_implementation="kernels/evil",
        vision_config__num_labels=10**12, vision_config__output_hidden_states=True,
    )  # fmt: skip
    np.testing.assert_array_equal(embedding(architecture, folder), expected)


def test_a_picture_is_seen_as_config_json_says(made: dict[str, Path]) -> None:
    for architecture, folder in made.items():
        assert loaded(architecture, folder).embed(picture(9, 9)).parts[-1].shape[-2:] == (SIDE // 16, SIDE // 16)


def test_bfloat16_is_close(made: dict[str, Path]) -> None:
    runtime = Runtime(torch.device("cpu"), torch.bfloat16)
    for architecture, folder in made.items():
        engine = base.load(ModelSpec("tiny", architecture, folder), runtime)
        found = engine.predict([engine.trial()])[0]
        exact = loaded(architecture, folder)
        expected = exact.predict([exact.trial()])[0]
        for part, other in zip(found.embedding.parts, expected.embedding.parts, strict=True):
            assert part.dtype == np.float32 and 0 < np.abs(part - other).max() < 0.1 * np.abs(other).max()
        assert found.segments[0].low_res.dtype == found.segments[0].scores.dtype == np.float32


def test_transformers_is_imported_with_the_first_model_only() -> None:
    code = (
        "import sys; from container.models import loading; loading.import_torch(); "
        "from container.engines.base import architectures, recognised; from pathlib import Path; "
        "assert {'sam', 'sam2'} <= {*architectures} and not recognised(Path('.')); "
        "assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
