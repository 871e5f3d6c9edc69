"""The engine of promptable models: a picture is embedded once, and segmented by prompts as often as asked."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.errors import BadRequest
from container.structures import CroppedMasks, Embedding, Prompt, PromptQuery, Segmentation, Segments
from container.structures.masks import Crop
from container.structures.prompts import POSITIVE


class Candidates(NamedTuple):
    """The masks that a model offers for one prompt."""

    low_res: np.ndarray  # float32 N×h×w logits
    scores: np.ndarray  # float32 N


class PromptEngine(Engine[PromptQuery, Segmentation]):
    """A loaded promptable model; kinds implement `embed`, `candidates` and `enlarged`."""

    query = PromptQuery
    shapes: Sequence[tuple[int, ...]] = ()  # of the parts of an embedding, once there was one

    @property
    @abstractmethod
    def mask_size(self) -> tuple[int, int] | None:
        """(height, width) of the logits that a prompt may start from; None if it may not."""

    @abstractmethod
    def embed(self, pixels: np.ndarray) -> Embedding:
        """Return the embedding of uint8 H×W×3 RGB pixels."""

    @abstractmethod
    def candidates(self, embedding: Embedding, prompt: Prompt, multimask: bool) -> Candidates:
        """Return three masks for a prompt if `multimask`, else one, as far as the model makes them."""

    @abstractmethod
    def enlarged(self, low_res: np.ndarray, embedding: Embedding) -> np.ndarray:
        """Return float32 h×w logits of one mask as float32 H×W logits in the picture."""

    def trial(self) -> PromptQuery:
        """Return a black picture with a point in its middle."""
        prompt = Prompt(np.array([[320, 240]], np.float32), np.array([POSITIVE]))
        return PromptQuery(np.zeros((480, 640, 3), np.uint8), [prompt])

    def predict(self, queries: Sequence[PromptQuery]) -> Sequence[Segmentation]:
        """Return the embedding of each query's picture, and the masks for its prompts."""
        return [self._answer(query) for query in queries]

    def _answer(self, query: PromptQuery) -> Segmentation:
        if isinstance(query.image, Embedding):
            embedding = self._checked(query.image)
        else:
            embedding = self.embed(query.image)
            self.shapes = [part.shape for part in embedding.parts]
        return Segmentation(embedding, [self._segments(embedding, prompt, query) for prompt in query.prompts])

    def _checked(self, embedding: Embedding) -> Embedding:
        """Return an embedding that may be another model's; BadRequest if its shape is not that of this model's."""
        shapes = [part.shape for part in embedding.parts]
        if shapes != self.shapes:
            given, taken = (" and ".join(map(_shown, one)) for one in (shapes, self.shapes))
            raise BadRequest(f"the embedding is {given}; model {self.spec.name!r} takes {taken}")
        return embedding

    def _check(self, prompt: Prompt) -> None:
        if prompt.mask is None or prompt.mask.shape == self.mask_size:
            return
        if self.mask_size is None:
            raise BadRequest(f"model {self.spec.name!r} takes no mask: leave it out of the prompt")
        raise BadRequest(
            f"the mask of the prompt is {_shown(prompt.mask.shape)}; model {self.spec.name!r} takes "
            f"{_shown(self.mask_size)} logits, as its answers hold"
        )

    def _segments(self, embedding: Embedding, prompt: Prompt, query: PromptQuery) -> Segments:
        checkpoint()
        self._check(prompt)
        found = self.candidates(embedding, prompt, prompt.ambiguous if query.multimask is None else query.multimask)
        order = np.argsort(-np.nan_to_num(found.scores), kind="stable")[: 1 if query.best else None]
        crops = []
        logits = np.empty((len(order), *embedding.image_size), np.float32) if query.logits else None
        for number, i in enumerate(order):
            checkpoint()
            pixels = self.enlarged(found.low_res[i], embedding)
            crops.append(Crop.of(pixels > 0))
            if logits is not None:
                logits[number] = pixels
        return Segments(
            masks=CroppedMasks(tuple(crops), embedding.image_size),
            scores=np.nan_to_num(found.scores[order]).clip(0, 1),
            low_res=found.low_res[order],
            logits=logits,
        )


def _shown(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "one number"
