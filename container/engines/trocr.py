"""The engine of TrOCR: a picture of one line in, its text out, by one greedy generation of transformers' `generate`.

Each layer asks first whether the answer is still wanted: the deadline and a client that is gone end a generation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.engines.huggingface import check_before_layers
from container.engines.runtime import Runtime
from container.structures import ModelSpec
from container.structures.texts import Reading, TextQuery, Word

MAX_TOKENS = 128  # of a line; published models were trained with 64 at most


class TrOcrEngine(Engine[TextQuery, Reading]):
    """A network of transformers on its device, with the processor of its pictures and its tokenizer."""

    query = TextQuery
    task = "ocr"

    def __init__(self, spec: ModelSpec, module: Any, processor: Any, tokenizer: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._processor = processor
        self._tokenizer = tokenizer
        self._runtime = runtime
        self._most = min(MAX_TOKENS, module.config.decoder.max_position_embeddings - 2)
        check_before_layers(module)

    def trial(self) -> TextQuery:
        """Return a black picture."""
        return TextQuery(np.zeros((48, 320, 3), np.uint8))

    def predict(self, queries: Sequence[TextQuery]) -> Sequence[Reading]:
        """Return the line in each query's picture, whose box is the whole of it; no line for no text."""
        return [self._read(query.pixels) for query in queries]

    def _read(self, pixels: np.ndarray) -> Reading:
        checkpoint()
        seen = self._processor(images=pixels, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        with torch.inference_mode(), self._runtime.autocast:
            found = self._module.generate(
                pixel_values=seen.to(self._runtime.device),
                max_new_tokens=self._most,
                output_scores=True,
                return_dict_in_generate=True,
            )
        text = self._tokenizer.decode(found.sequences[0], skip_special_tokens=True).strip()
        height, width = pixels.shape[:2]
        line = Word(text, _mean(found.scores), (0.0, 0.0, float(width), float(height)))
        return Reading((height, width), ((line,),) if text else ())


def _mean(scores: Sequence[torch.Tensor]) -> float:
    """Return the mean probability of the tokens that were the most probable of each step, of N times 1×V logits."""
    return float(torch.stack([one[0].float().softmax(dim=0).max() for one in scores]).mean())
