"""CLIP of transformers: a picture's tower and a text's, with an image processor and a tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from container.engines.base import architectures
from container.engines.clip import ClipEngine
from container.engines.huggingface import CONFIG, PREPROCESSOR, Config, Folder, description, load_class
from container.engines.runtime import Runtime
from container.errors import ModelError
from container.structures import ModelSpec
from container.structures.clip import MAX_BATCH

TOKENIZER, TOKENIZER_CONFIG, VOCABULARY, MERGES = "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"
MAX_TOKENIZER = 16 << 20  # bytes of a file; published ones have 3.6 MB
MAX_SCALE = 8  # times the side of what the network sees that a picture may be resized to
_STEPS = (
    *("do_resize", "resample", "do_center_crop", "do_rescale", "rescale_factor"),
    *("do_normalize", "image_mean", "image_std"),
)
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class Clip(Folder):
    """Networks of CLIPModel, of which openai/clip-vit-base-patch16 is ViT-B-16."""

    kind = "embedding of pictures and texts"
    model_types = ("clip",)
    model, processor = "CLIPModel", "CLIPImageProcessor"
    config = Config(
        "CLIPConfig", {"text_config": Config("CLIPTextConfig"), "vision_config": Config("CLIPVisionConfig")}
    )

    def side(self, config: Any) -> Any:
        """Return the side of a cropped picture."""
        return config.vision_config.image_size

    def sizes(self, side: int) -> Mapping[str, Any]:
        """Return the size that a picture's shorter side gets, and that of its middle."""
        return {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}

    def trial(self, module: Any, side: int) -> None:
        """Run both towers with as much as a request may hold."""
        tokens = torch.ones(MAX_BATCH, module.config.text_config.max_position_embeddings, dtype=torch.int64)
        pictures = module.get_image_features(torch.zeros(MAX_BATCH, 3, side, side)).pooler_output
        texts = module.get_text_features(tokens).pooler_output
        if pictures.shape != texts.shape or pictures.shape != (MAX_BATCH, module.config.projection_dim):
            raise ValueError("not the same space")

    def complete(self, module: Any) -> None:
        """Number the places of patches and tokens."""
        for embeddings in (module.vision_model.embeddings, module.text_model.embeddings):
            embeddings.position_ids = torch.arange(embeddings.position_ids.shape[-1])[None]

    def engine(self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime) -> ClipEngine:
        """Return the engine of a network on its device; ModelError for a tokenizer that cannot be used."""
        assert isinstance(spec.weights, Path)
        tokenizer = _tokenizer(spec.weights, module.config.text_config.vocab_size, spec.name)
        return ClipEngine(spec, module, processor, tokenizer, runtime)

    def _processor(self, given: Mapping[str, Any], side: int, name: str) -> Any:
        """Return the processor: pictures are resized as it says, and what is left of them fits the network."""
        try:
            sizes = {
                **self.sizes(side),
                **{key: _size(given[key], key) for key in ("size", "crop_size") if key in given},
            }
            if not all(0 < value <= MAX_SCALE * side for size in sizes.values() for value in size.values()):
                raise ValueError("no sizes, or too large ones")
            processor = load_class(self.processor)(**{key: given[key] for key in _STEPS if key in given}, **sizes)
            black = np.zeros((side, 2 * side, 3), np.uint8)
            seen = processor(images=black, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        except Exception as error:  # transformers' own, and those of arithmetic
            raise ModelError(f"{PREPROCESSOR} of {name!r} has values that cannot be used") from error
        if seen.shape != (1, 3, side, side) or not seen.isfinite().all():
            height, width = seen.shape[-2:]
            raise ModelError(
                f"{PREPROCESSOR} of {name!r} makes {width}×{height} pixels of a picture, and {CONFIG} "
                f"asks for {side}×{side}"
            )
        return processor


def _size(value: Any, key: str) -> dict[str, int]:
    """Return a size as objects have it; older files have one number."""
    if type(value) is int:
        return {"shortest_edge": value} if key == "size" else {"height": value, "width": value}
    known = {name: value[name] for name in ("shortest_edge", "height", "width") if value.get(name) is not None}
    if not known or not all(type(one) is int for one in known.values()):
        raise ValueError("no sizes")
    return known


def _tokenizer(folder: Path, vocabulary: int, name: str) -> Any:
    """Return the tokenizer of tokenizer.json, or of vocab.json and merges.txt; its tokens are below `vocabulary`."""
    words, merges = _words(folder, name)
    described = description(folder / TOKENIZER_CONFIG, name) if (folder / TOKENIZER_CONFIG).exists() else {}
    special = {key: _token(described[key]) for key in _SPECIAL if described.get(key) is not None}
    try:
        made = load_class("CLIPTokenizer")(vocab=words, merges=merges, **special)
        tokens = made(["a photo of 1 cat", ""], padding=True)["input_ids"]
        largest = max(made.get_vocab().values())
    except Exception as error:  # whatever tokenizers raise for words that do not fit each other
        raise ModelError(f"the tokenizer of {name!r} has values that cannot be used") from error
    if largest >= vocabulary:
        raise ModelError(f"the tokenizer of {name!r} has a token {largest}, and {CONFIG} asks for {vocabulary} tokens")
    if len(tokens[0]) < 2:
        raise ModelError(f"the tokenizer of {name!r} marks no beginning and end of a text")
    return made


def _words(folder: Path, name: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return token → number, and the pairs that are merged, most frequent first; ModelError."""
    try:
        if (folder / TOKENIZER).is_file():
            model = json.loads(_text(folder / TOKENIZER))["model"]
            words, lines = model["vocab"], model["merges"]
        else:
            words = json.loads(_text(folder / VOCABULARY))
            lines = [line for line in _text(folder / MERGES).splitlines() if line and not line.startswith("#version")]
        merges = [tuple(line.split(" ") if isinstance(line, str) else line) for line in lines]
        if not isinstance(words, dict) or not all(type(number) is int and number >= 0 for number in words.values()):
            raise ValueError("no numbers")
        if not all(len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in merges):
            raise ValueError("no pairs")
    except FileNotFoundError as error:
        raise ModelError(
            f"{name!r} holds neither {TOKENIZER} nor {VOCABULARY} and {MERGES}, which a tokenizer is made of"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"the tokenizer of {name!r} cannot be read") from error
    return words, merges


def _text(file: Path) -> str:
    if file.stat().st_size > MAX_TOKENIZER:
        raise ValueError(f"more than {MAX_TOKENIZER} bytes")
    return file.read_text("utf-8")


def _token(value: Any) -> str:
    """Return a special token, which may be described by an object."""
    return str(value.get("content", "") if isinstance(value, dict) else value)


architectures.add("clip", Clip())
