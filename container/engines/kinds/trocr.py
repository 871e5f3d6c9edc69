"""TrOCR of transformers: a vision transformer sees a line of text, and a decoder writes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from container.engines import base, lmm_folders, tensor_files
from container.engines.base import Architecture, architectures
from container.engines.huggingface import (
    CONFIG,
    PREPROCESSOR,
    description,
    load_class,
    preprocessing,
    read_json,
    weights,
)
from container.engines.lmm_folders import Family
from container.engines.runtime import Runtime
from container.engines.trocr import TrOcrEngine
from container.errors import ModelError
from container.structures import ModelSpec

MODEL_TYPE = "vision-encoder-decoder"
ENCODERS = {"vit": "ViT", "deit": "DeiT"}  # by `model_type` of the encoder: what its image processor's name begins with
_POOLER = "encoder.pooler."  # which no reading needs: published files have none


class _EncoderDecoder(Family):
    """The classes of a picture's encoder with a decoder."""

    @property
    def network(self) -> Any:
        """The class of the network."""
        return load_class(f"{self.name}Model")


class TrOcr(Architecture):
    """Folders of VisionEncoderDecoderModel with a TrOCR decoder, of which microsoft/trocr-base-printed is one."""

    kind = "reading of text"
    takes_folder = True
    # Measured at the peak in MB: 1,480 with 1,335 of float32 weights, the size of trocr-base. Files of half precision
    # take twice their size.
    memory_factor = 1.5
    memory_reserve = 500 << 20

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder whose config.json names an encoder and a decoder of TrOCR."""
        try:
            given = read_json(folder / CONFIG)
            return given.get("model_type") == MODEL_TYPE and given["decoder"]["model_type"] == "trocr"
        except (OSError, ValueError, TypeError, KeyError):
            return False

    def load(self, spec: ModelSpec, runtime: Runtime) -> TrOcrEngine:
        """Build the network, read its weights, and move it to its device; ModelError with a one-line reason."""
        base.check_published(spec)
        assert isinstance(spec.weights, Path)  # there are no published names
        folder, name = spec.weights, spec.name
        given = description(folder / CONFIG, name)
        if not self.recognises(folder):
            raise ModelError(f"{CONFIG} of {name!r} is not of model type {MODEL_TYPE} with a decoder trocr")
        encoder = given.get("encoder")
        kind = str(encoder.get("model_type") if isinstance(encoder, dict) else None)
        if kind not in ENCODERS:
            raise ModelError(
                f"the encoder of {name!r} is of model type {kind[:60]!r}; trocr takes {', '.join(ENCODERS)}"
            )
        family = _EncoderDecoder("VisionEncoderDecoder", ENCODERS[kind])
        places = tensor_files.places(weights(folder, name))
        places = {tensor: place for tensor, place in places.items() if not tensor.startswith(_POOLER)}
        module = lmm_folders.built(family, given, places, name, _prepared)
        lmm_folders.set_generation(module, folder, name)
        if module.generation_config.decoder_start_token_id is None:
            raise ModelError(f"{lmm_folders.GENERATION} of {name!r} has no decoder_start_token_id, which begins a text")
        tokenizer = lmm_folders.tokenizer(folder, module.config, name)
        processor = _processor(family, preprocessing(folder, name), module.config.encoder.image_size, name)
        return TrOcrEngine(spec, module.to(runtime.device), processor, tokenizer, runtime)


def _prepared(module: Any) -> None:
    """Leave out what reading does not need, and compute the places of tokens that no file has."""
    module.encoder.pooler = None
    for part in module.modules():
        if type(part).__name__ == "TrOCRSinusoidalPositionalEmbedding":
            part.weights = part.get_embedding(len(part.weights), part.embedding_dim, part.padding_idx)


def _processor(family: Family, given: Mapping[str, Any], side: int, name: str) -> Any:
    """Return the image processor; ModelError unless the network sees what it makes of a picture."""
    size = given.get("size", side)
    square = {"height": size, "width": size} if isinstance(size, int) else size
    made = lmm_folders.images(family, {**given, "size": square}, name)
    try:
        seen = made(images=np.zeros((8, 32, 3), np.uint8), input_data_format="channels_last", return_tensors="pt")
        fits = seen["pixel_values"].shape == (1, 3, side, side)
    except Exception as error:  # transformers' own, and those of arithmetic
        raise ModelError(f"{PREPROCESSOR} of {name!r} has values that cannot be used") from error
    if not fits:
        raise ModelError(f"{PREPROCESSOR} of {name!r} makes no {side}×{side} pixels of a picture, as {CONFIG} asks for")
    return made


architectures.add("trocr", TrOcr())
