"""The engine of transformers' CLIP networks: all pictures of its queries are one batch, and all texts are another.

Pictures are prepared by the model's own processor, so that embeddings equal those of transformers' own examples.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.engines.huggingface import check_before_layers
from container.engines.runtime import Runtime
from container.engines.tensors import MAX_ASPECT, to_array
from container.errors import BadImage, BadRequest, shown
from container.structures import ModelSpec
from container.structures.clip import ClipQuery, ClipVectors

# A text of 77 tokens has at most 300 characters in any language; a tokenizer takes 0.1 s for one of a megabyte.
MAX_CHARACTERS = 2000


class ClipEngine(Engine[ClipQuery, ClipVectors]):
    """A network on its device, with the processor of its pictures and the tokenizer of its texts."""

    query = ClipQuery
    task = "clip"

    def __init__(self, spec: ModelSpec, module: Any, processor: Any, tokenizer: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._processor = processor
        self._tokenizer = tokenizer
        self._runtime = runtime
        self._max_tokens: int = module.config.text_config.max_position_embeddings
        check_before_layers(module)

    def trial(self) -> ClipQuery:
        """Return a black picture and a text."""
        return ClipQuery([np.zeros((480, 640, 3), np.uint8)], ["a photo"])

    def predict(self, queries: Sequence[ClipQuery]) -> Sequence[ClipVectors]:
        """Return the embeddings of each query; BadImage for a picture, BadRequest for a text that cannot be taken."""
        # Texts first: one that is too long is refused before pictures take seconds.
        texts = self._texts([*chain.from_iterable(query.texts for query in queries)])
        pictures = self._pictures([*chain.from_iterable(query.pictures for query in queries)])
        answers, first, start = [], 0, 0
        for query in queries:
            last, end = first + len(query.pictures), start + len(query.texts)
            answers.append(ClipVectors(pictures[first:last], texts[start:end]))
            first, start = last, end
        return answers

    def _pictures(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        if not pictures:
            return self._nothing()
        for pixels in pictures:
            short, long = sorted(pixels.shape[:2])
            if long > MAX_ASPECT * short:
                raise BadImage(
                    f"a picture is {pixels.shape[1]}×{pixels.shape[0]} pixels; CLIP takes those whose longer side is "
                    f"at most {MAX_ASPECT} times the shorter"
                )
        seen = [self._prepared(pixels) for pixels in pictures]
        return self._embedded(self._module.get_image_features, pixel_values=torch.cat(seen))

    def _prepared(self, pixels: np.ndarray) -> torch.Tensor:
        checkpoint()
        made = self._processor(images=pixels, input_data_format="channels_last", return_tensors="pt")
        return made["pixel_values"]  # type: ignore[no-any-return]  # of a class without types

    def _texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return self._nothing()
        for text in texts:
            self._check(text)
        tokens = self._tokenizer([*texts], padding=True, return_tensors="pt")
        for text, mask in zip(texts, tokens["attention_mask"], strict=True):
            if (count := int(mask.sum())) > self._max_tokens:
                raise BadRequest(
                    f"the text {shown(text)} has {count} tokens; model {self.spec.name!r} takes {self._max_tokens}",
                    hint="send a shorter one: a token is a short word or a part of one",
                )
        inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        return self._embedded(self._module.get_text_features, **inputs)

    def _check(self, text: str) -> None:
        """Raise BadRequest for a text that no tokenizer takes."""
        if len(text) > MAX_CHARACTERS:
            raise BadRequest(f"a text has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadRequest(f"the text {ascii(text)[:60]} holds half of a pair of surrogates, which is no character")

    def _embedded(self, tower: Any, **inputs: torch.Tensor) -> np.ndarray:
        with torch.inference_mode(), self._runtime.autocast:
            found = tower(**{name: value.to(self._runtime.device) for name, value in inputs.items()})
        return to_array(found.pooler_output.float().contiguous())

    def _nothing(self) -> np.ndarray:
        return np.zeros((0, self._module.config.projection_dim), np.float32)
