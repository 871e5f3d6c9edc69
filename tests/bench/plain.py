"""Serving torchvision as most people write it: to_tensor, the whole model, full-size masks, torchvision.utils."""

import io
import json
import os

import numpy as np
import torch
import torchvision
from PIL import Image
from pycocotools import mask as coco
from torchvision.transforms.functional import pil_to_tensor, resize, to_tensor
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

SEMANTIC_SIZE = 520
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Plain:
    """A torchvision model by name with a weights file, read from the environment as MODEL, WEIGHTS, CLASSES."""

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
        self.classes = int(os.environ["CLASSES"])
        self.confidence = float(os.environ["CONFIDENCE"])
        name = os.environ["MODEL"]
        if name == "maskrcnn_mobilenet_v2_fpn":  # ours, by its builder, since torchvision has none like it
            from container.engines.kinds.maskrcnn_mobilenet_v2_fpn import build

            self.model = build(self.classes)
        else:
            self.model = torchvision.models.get_model(
                name, weights=None, weights_backbone=None, num_classes=self.classes
            )
        self.model.load_state_dict(torch.load(os.environ["WEIGHTS"], weights_only=True))
        self.model.eval()
        self.semantic = not hasattr(self.model, "transform")
        self.labels = os.environ["LABELS"].split(",")

    def __call__(self, data: bytes, kind: str) -> tuple[bytes, str]:
        """The answer of a kind (json, rle, png, jpeg) to an encoded picture, and its media type."""
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        with torch.no_grad():
            found = self._semantic(picture) if self.semantic else self._detections(picture)
        captions, boxes, masks = found
        if kind in ("json", "rle"):
            answer: dict[str, object] = {"labels": captions, "boxes": boxes.tolist()}
            if kind == "rle":
                fortran = np.asfortranarray(masks.permute(1, 2, 0).numpy().astype(np.uint8))
                answer["masks"] = [
                    {"size": one["size"], "counts": one["counts"].decode()} for one in coco.encode(fortran)
                ]
            return json.dumps(answer).encode(), "application/json"
        drawn = pil_to_tensor(picture)
        if len(captions):
            drawn = draw_segmentation_masks(drawn, masks, alpha=0.5)
            drawn = draw_bounding_boxes(drawn, boxes, labels=captions)
        file = io.BytesIO()
        Image.fromarray(drawn.permute(1, 2, 0).numpy()).save(file, kind.upper(), **_SAVE[kind])
        return file.getvalue(), f"image/{kind}"

    def _detections(self, picture: Image.Image) -> tuple[list[str], torch.Tensor, torch.Tensor]:
        found = self.model([to_tensor(picture)])[0]
        keep = found["scores"] >= self.confidence
        captions = [
            f"{self.labels[c]} {s:.0%}"
            for c, s in zip(found["labels"][keep].tolist(), found["scores"][keep].tolist(), strict=True)
        ]
        masks = found["masks"][keep, 0] > 0.5 if "masks" in found else torch.zeros(0, picture.height, picture.width)
        return captions, found["boxes"][keep], masks

    def _semantic(self, picture: Image.Image) -> tuple[list[str], torch.Tensor, torch.Tensor]:
        small = resize(to_tensor(picture), SEMANTIC_SIZE, antialias=True)
        mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
        logits = self.model(((small - mean) / std)[None])["out"]
        size = (picture.height, picture.width)
        scores = torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)[0].softmax(0)
        winners = scores.argmax(0)
        present = [c for c in winners.unique().tolist() if c]
        masks = torch.stack([winners == c for c in present]) if present else torch.zeros(0, *size, dtype=torch.bool)
        captions = [f"{self.labels[c]} {scores[c][masks[i]].mean():.0%}" for i, c in enumerate(present)]
        boxes = torchvision.ops.masks_to_boxes(masks) if present else torch.zeros(0, 4)
        return captions, boxes, masks


_SAVE = {"png": {}, "jpeg": {"quality": 90}}
