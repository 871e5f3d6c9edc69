"""torchvision's detectors: boxes, and masks or keypoints if the network has a head for them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchvision
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.models.detection.roi_heads import keypointrcnn_inference, maskrcnn_inference
from torchvision.models.detection.transform import resize_boxes, resize_keypoints
from torchvision.ops import clip_boxes_to_image

from container.cancellation import checkpoint
from container.engines.base import ImageEngine
from container.engines.building import TRIAL_SIZE, Network
from container.engines.detector_heads import with_head_parameters
from container.engines.one_stage import select_anchors
from container.engines.runtime import Runtime
from container.engines.selection import Selection, select
from container.engines.tensors import network_input, thinning
from container.engines.torchvision_builders import register_builders
from container.structures import ImageQuery, Instances, ModelSpec, Options, RoiMasks

DEFAULT_CONFIDENCE = 0.5
# Boxes per run of a mask or keypoint head. 4,500 at once took 12.5 GB in a ResNet-50 with 91 classes.
PIECE = 100
# Boxes whose heat maps are enlarged between two checkpoints: 60 MB and up to 0.2 s each, one after the other.
PEAKS = 5


class DetectionEngine(ImageEngine):
    """The engine of any torchvision detector; returns Instances."""

    def __init__(self, spec: ModelSpec, module: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._runtime = runtime
        self.background = not isinstance(module, RetinaNet | FCOS)
        # Anchors have the dtype of the features, and bfloat16 has steps of 8 pixels above 1024.
        module.backbone.register_forward_hook(lambda _module, _input, features: _as_float32(features))

    @property
    def task(self) -> str:
        """What the heads make it: instance segmentation, keypoint detection or object detection."""
        if isinstance(self._module, GeneralizedRCNN) and self._module.roi_heads.has_keypoint():
            return "keypoint detection"
        if isinstance(self._module, GeneralizedRCNN) and self._module.roi_heads.has_mask():
            return "instance segmentation"
        return "object detection"

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Instances]:
        with torch.inference_mode(), self._runtime.autocast:
            run = self._two_stages if isinstance(self._module, GeneralizedRCNN) else self._one_stage
            return run(queries)

    @property
    def finds(self) -> str:
        """By the task."""
        return {"keypoint detection": "keypoints", "object detection": "boxes"}.get(self.task, "instances")

    @property
    def defaults(self) -> Options:
        """Those of torchvision's network, and a confidence that is ours."""
        module = self._module
        if isinstance(module, GeneralizedRCNN):
            heads = module.roi_heads
            return Options(DEFAULT_CONFIDENCE, heads.nms_thresh, max_detections=heads.detections_per_img)
        return Options(
            DEFAULT_CONFIDENCE,
            module.nms_thresh,
            max_detections=module.detections_per_img,
            max_candidates=module.topk_candidates,
        )

    def default_instances(self, masks: bool) -> int | None:
        """Return the model's `max_detections` if keypoints are computed, or masks are needed, else None."""
        if not isinstance(self._module, GeneralizedRCNN):
            return None
        heads = self._module.roi_heads
        if heads.has_keypoint() or (heads.has_mask() and masks):
            return self.resolved(Options()).max_detections
        return None

    def _two_stages(self, queries: Sequence[ImageQuery]) -> list[Instances]:
        """Run GeneralizedRCNN.forward, with `selection` between the box head and the mask head."""
        module, heads = self._module, self._module.roi_heads
        pictures = [query.pixels for query in queries]
        resolved = [self.resolved(query.options) for query in queries]
        class_ids = list(map(self.class_ids, resolved))
        images, shown_sizes = network_input(pictures, module.transform, self._runtime.device)
        features = module.backbone(images.tensors)
        proposals, _ = module.rpn(images, features)
        pooled = heads.box_roi_pool(features, proposals, images.image_sizes)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        selections = select(heads, logits, deltas, proposals, images.image_sizes, resolved, class_ids)
        boxes = [selection.boxes for selection in selections]
        masks = self._masks(features, selections, images.image_sizes, [query.masks for query in queries])
        points = self._points(features, boxes, images.image_sizes) if heads.has_keypoint() else [None] * len(pictures)
        found = zip(pictures, shown_sizes, selections, images.image_sizes, resolved, masks, points, strict=True)
        return [self._instances(picture.shape[:2], *one) for picture, *one in found]

    def _masks(
        self, features: Any, selections: list[Selection], sizes: list[tuple[int, int]], needed: list[bool]
    ) -> list[torch.Tensor | None]:
        """Return the masks of each image's boxes, or None if there is no mask head or they are not needed."""
        heads = self._module.roi_heads
        wanted = [heads.has_mask() and one for one in needed]
        if not any(wanted):
            return [None] * len(wanted)
        looked_at = [s if want else s.none() for s, want in zip(selections, wanted, strict=True)]
        boxes = [selection.boxes for selection in looked_at]
        classes = [selection.classes for selection in looked_at]
        masks = [one.new_zeros((0, 28, 28)) for one in boxes]
        if any(map(len, boxes)):

            def run(pieces: list[slice]) -> list[torch.Tensor]:
                pooled = heads.mask_roi_pool(features, _cut(boxes, pieces), sizes)
                logits = heads.mask_predictor(heads.mask_head(pooled)).float()
                chosen: list[torch.Tensor] = maskrcnn_inference(logits, _cut(classes, pieces))
                return chosen

            masks = [mask[:, 0] for mask in _in_pieces(boxes, run)]
        return [mask if want else None for mask, want in zip(masks, wanted, strict=True)]

    def _points(
        self, features: Any, boxes: list[torch.Tensor], sizes: list[tuple[int, int]]
    ) -> list[torch.Tensor | None]:
        heads = self._module.roi_heads

        def run(pieces: list[slice]) -> list[torch.Tensor]:
            some = _cut(boxes, pieces)
            logits = heads.keypoint_predictor(heads.keypoint_head(heads.keypoint_roi_pool(features, some, sizes)))
            return list(_peaks(logits.float(), torch.cat(some)).split([len(one) for one in some]))

        return list(_in_pieces(boxes, run))

    def _instances(
        self,
        image_size: tuple[int, int],
        shown_size: tuple[int, int],
        selection: Selection,
        network_size: tuple[int, int],
        options: Options,
        masks: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
    ) -> Instances:
        """Scale a selection from the network's size to that of the image, which may have been subsampled."""
        scaled = resize_boxes(selection.boxes, network_size, shown_size)
        boxes = clip_boxes_to_image(scaled, shown_size).cpu().numpy().astype(np.float32)  # rounding leads out of it
        classes = selection.classes.cpu().numpy()
        mode, factor = options.mask_decode_mode or "accurate", options.tradeoff_factor or 0.0
        found = Instances(
            image_size=shown_size,
            boxes=boxes,
            scores=selection.scores.cpu().numpy().astype(np.float32),
            classes=classes,
            labels=tuple(self.spec.labels[c] for c in classes),
            masks=None if masks is None else RoiMasks(masks.cpu().numpy(), boxes, shown_size, mode, factor),
            keypoints=None if points is None else resize_keypoints(points, network_size, shown_size).cpu().numpy(),
        )
        return found if shown_size == image_size else _inside(found, image_size)

    def _one_stage(self, queries: Sequence[ImageQuery]) -> list[Instances]:
        """Run the forward of a RetinaNet, FCOS or SSD, with `select_anchors` after the head."""
        return [self._one_stage_picture(query.pixels, query.options) for query in queries]

    def _one_stage_picture(self, picture: np.ndarray, options: Options) -> Instances:
        module = self._module
        resolved = self.resolved(options)
        images, shown_sizes = network_input([picture], module.transform, self._runtime.device)
        checkpoint()
        features = list(module.backbone(images.tensors).values())
        outputs = {name: output[0] for name, output in module.head(features).items()}
        anchors = module.anchor_generator(images, features)[0]
        cells = [feature.shape[-2] * feature.shape[-1] for feature in features]
        level_sizes = [count * len(anchors) // sum(cells) for count in cells]
        size, class_ids = images.image_sizes[0], self.class_ids(resolved)
        selection = select_anchors(module, outputs, anchors, level_sizes, size, resolved, class_ids)
        return self._instances(picture.shape[:2], shown_sizes[0], selection, size, resolved)


def _in_pieces(boxes: list[torch.Tensor], run: Callable[[list[slice]], list[torch.Tensor]]) -> list[torch.Tensor]:
    """Run a head on each image's boxes, at most PIECE boxes at a time, and concatenate the outputs.

    `run` takes a slice of each image's boxes, and returns one tensor per image with as many rows.
    """
    found = [run(pieces) for pieces in _pieces([len(one) for one in boxes])]
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


def _pieces(counts: list[int]) -> Iterator[list[slice]]:
    """Yield slices of each image's boxes, PIECE boxes in total except in the last; yields once without boxes, too."""
    ends = np.cumsum(counts).tolist()
    for start in range(0, max(ends[-1], 1), PIECE):
        checkpoint()
        yield [
            slice(max(start - (end - count), 0), max(start + PIECE - (end - count), 0))
            for count, end in zip(counts, ends, strict=True)
        ]


def _peaks(logits: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Return the N×K×3 x, y and score of the peaks of N×K heat maps, each enlarged to its box."""
    found = []
    for some in zip(logits.split(PEAKS), boxes.split(PEAKS), strict=True):
        checkpoint()
        points, scores = keypointrcnn_inference(some[0], [some[1]])  # scores are heat map peaks, unbounded
        found.append(torch.cat([points[0][..., :2], scores[0][..., None].sigmoid()], -1))
    return torch.cat(found)


def _cut(tensors: list[torch.Tensor], pieces: list[slice]) -> list[torch.Tensor]:
    return [tensor[piece] for tensor, piece in zip(tensors, pieces, strict=True)]


def _as_float32(features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: feature.float() for name, feature in features.items()}


def _inside(instances: Instances, image_size: tuple[int, ...]) -> Instances:
    """Map instances of a subsampled or padded image back to the original image."""
    height, width = image_size
    down, across = thinning(image_size)
    step = np.array([across, down, across, down], np.float32)
    boxes = (instances.boxes * step).clip(0, np.array([width, height, width, height], np.float32))
    masks, points = instances.masks, instances.keypoints
    if isinstance(masks, RoiMasks):
        # The grid still covers the box as the network saw it; only the image around it has changed.
        masks = RoiMasks(masks.probabilities, masks.boxes * step, (height, width), masks.mode, masks.tradeoff_factor)
    if points is not None:
        points = points * np.array([across, down, 1], np.float32)
    cut = Instances((height, width), boxes, instances.scores, instances.classes, instances.labels, masks, points)
    return cut[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]


class Detector(Network):
    """Detectors in torchvision's interface."""

    kind = "detection"

    def engine(self, spec: ModelSpec, module: Any, runtime: Runtime) -> DetectionEngine:
        """Return the engine of a module on its device."""
        return DetectionEngine(spec, module, runtime)

    @contextmanager
    def trial(self, module: Any) -> Iterator[None]:
        """Set the input size to the trial image during the block; the network's own size is 70 times the work."""
        transform = module.transform
        own = transform.min_size, transform.max_size
        transform.min_size, transform.max_size = (min(TRIAL_SIZE[:2]),), max(TRIAL_SIZE[:2])
        try:
            yield
        finally:
            transform.min_size, transform.max_size = own


register_builders(
    Detector, torchvision.models.detection, "retinanet|fcos", extended=with_head_parameters, weights_backbone=None
)
