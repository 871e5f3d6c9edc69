"""torchvision's semantic segmentation models: one class per pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torchvision
from torchvision.transforms._presets import SemanticSegmentation
from torchvision.transforms.functional import resize

from container.engines.base import ImageEngine
from container.engines.building import Network
from container.engines.runtime import Runtime
from container.engines.tensors import pad_slim, thinning, to_array, to_tensor
from container.engines.torchvision_builders import register_builders
from container.ops import argmax
from container.structures import ImageQuery, ModelSpec, Options, SemanticMap, WinningProbabilities

RESIZE = 520  # shorter side at which torchvision's semantic models are trained and evaluated
MAX_SIDE = 5 * RESIZE  # else an image of 1×20000 would be 11 million pixels, and DeepLab busy for a minute
SIGMOID_CONFIDENCE = 0.5  # from which a pixel is of the class, where nothing else is asked for
NORMALISE = SemanticSegmentation(resize_size=None)  # the network's input normalisation, in training too


class SegmentationEngine(ImageEngine):
    """The engine of any torchvision semantic segmentation model; returns a SemanticMap.

    The map is the arg-max of the network's output, resized bilinearly to the size of the image. A class's confidence is
    the mean of its probability over the pixels it wins, at the network's size. Classes below the requested confidence,
    or outside the requested classes, become background. One output with a sigmoid is cut at the requested confidence.
    """

    task = "semantic segmentation"
    finds = "semantic"
    background = True

    def __init__(self, spec: ModelSpec, module: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._runtime = runtime

    @property
    def defaults(self) -> Options:
        """Every class that wins a pixel, or those of a sigmoid that are likelier than not."""
        return Options(confidence=SIGMOID_CONFIDENCE if self.spec.activation == "sigmoid" else 0.0)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[SemanticMap]:
        return [self._predict_one(query.pixels, query.options) for query in queries]

    def _predict_one(self, pixels: np.ndarray, options: Options) -> SemanticMap:
        padded = pad_slim(pixels)
        with torch.inference_mode(), self._runtime.autocast:
            picture = resize(to_tensor(padded, self._runtime.device), [RESIZE], max_size=MAX_SIDE)
            logits = self._module(NORMALISE(picture)[None])["out"][0].float()
            if self.spec.activation == "sigmoid":
                logits, probabilities, classes = self._against_background(logits, options)
            else:
                probabilities, classes = logits.softmax(0).max(0)
            pixel_count = classes.flatten().bincount(minlength=len(logits)).clamp(min=1)
            means = classes.flatten().bincount(probabilities.flatten(), minlength=len(logits)) / pixel_count
            class_ids = argmax.argmax_resized(to_array(logits), padded.shape[:2])
            small = to_array(probabilities.mul(255).round_().byte())
        steps = thinning(pixels.shape)
        class_ids = argmax.spread(class_ids, steps, pixels.shape[:2])
        winners = WinningProbabilities(small, padded.shape[:2], steps, pixels.shape[:2])
        return self._reported(class_ids, to_array(means), options, winners)

    def _against_background(
        self, logit: torch.Tensor, options: Options
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return 2×h×w logits for the 1×h×w of a sigmoid, and the probability and the class id of each winner.

        The class wins where its probability is over the confidence.
        """
        confidence = self.resolved(options).confidence
        threshold = torch.tensor(confidence, device=logit.device).logit(eps=1e-6)
        logits = torch.cat((threshold.expand_as(logit), logit))
        winners = logits.argmax(0)
        probability = logit[0].sigmoid()
        return logits, torch.where(winners == 1, probability, 1 - probability), winners

    def _reported(
        self, class_ids: np.ndarray, means: np.ndarray, options: Options, winners: WinningProbabilities
    ) -> SemanticMap:
        resolved = self.resolved(options)
        wanted = self.class_ids(resolved)
        present = [
            c
            for c in np.flatnonzero(np.bincount(class_ids.ravel(), minlength=len(means))).tolist()
            if c and means[c] >= (resolved.confidence or 0) and (wanted is None or c in wanted)
        ]
        present = sorted(present, key=lambda c: -means[c])[: resolved.max_detections]
        shown = np.zeros(len(means), class_ids.dtype)
        shown[present] = present
        return SemanticMap(shown[class_ids], {c: float(means[c]) for c in present}, self.labels, winners)


class SemanticNetwork(Network):
    """Semantic models in torchvision's interface."""

    kind = "segmentation"
    sigmoid = True

    def engine(self, spec: ModelSpec, module: Any, runtime: Runtime) -> SegmentationEngine:
        """Return the engine of a module on its device."""
        return SegmentationEngine(spec, module, runtime)


register_builders(SemanticNetwork, torchvision.models.segmentation, weights_backbone=None, aux_loss=False)
