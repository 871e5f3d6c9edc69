"""An engine of images whose network sees them as its training images were prepared; answers are in the whole image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from container.engines.base import Engine, ImageEngine
from container.errors import ModelError
from container.ops import contrast
from container.structures import ImageQuery, Options, Prediction
from container.structures.preprocessing import Contrast, Preprocessing

CONTRASTS: Mapping[Contrast, Callable[[np.ndarray], np.ndarray]] = {
    "Contrast Stretching": contrast.stretched,
    "Histogram Equalization": contrast.equalized,
    "Adaptive Equalization": contrast.adaptively_equalized,
}


def applied(engine: Engine[Any, Any]) -> Engine[Any, Any]:
    """Return an engine that prepares images as its spec says: `engine` itself where that says nothing.

    Raises ModelError for an engine that takes no images.
    """
    if not engine.spec.preprocessing:
        return engine
    if not isinstance(engine, ImageEngine):
        raise ModelError(f"`preprocessing` in model.json is for models of images, and this one is for {engine.task}")
    return Preprocessed(engine)


class Preprocessed(ImageEngine):
    """An engine around another: crops an image, then changes contrast and colour, but for what a query skips."""

    def __init__(self, engine: ImageEngine) -> None:
        super().__init__(engine.spec)
        self._engine = engine
        self.indices = engine.indices

    @property
    def task(self) -> str:
        """That of the engine."""
        return self._engine.task

    @property
    def finds(self) -> str:
        """That of the engine."""
        return self._engine.finds

    @property
    def defaults(self) -> Options:
        """Those of the engine."""
        return self._engine.defaults

    def trial(self) -> ImageQuery:
        """Return the engine's."""
        return self._engine.trial()

    def default_instances(self, masks: bool) -> int | None:
        """Return the engine's."""
        return self._engine.default_instances(masks)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        """Return what the engine finds in the prepared images, at its place in the images of the queries."""
        steps = [self.spec.preprocessing.without(query.skip) for query in queries]
        sizes = [(query.pixels.shape[0], query.pixels.shape[1]) for query in queries]
        boxes = [one.crop_box(size) for one, size in zip(steps, sizes, strict=True)]
        shown = [
            replace(query, pixels=_prepared(query.pixels, one, box))
            for query, one, box in zip(queries, steps, boxes, strict=True)
        ]
        found = self._engine.predict(shown)
        return [
            one if one.image_size == size else one.placed(box[0], box[1], size)
            for one, box, size in zip(found, boxes, sizes, strict=True)
        ]


def _prepared(pixels: np.ndarray, steps: Preprocessing, box: tuple[int, int, int, int]) -> np.ndarray:
    left, top, right, bottom = box
    pixels = pixels[top:bottom, left:right]
    if steps.contrast:
        pixels = CONTRASTS[steps.contrast](pixels)
    return contrast.grey(pixels) if steps.grayscale else pixels
