"""Training beside the material's teacher: `python -m tests.embedded.distil MATERIAL OPTIONS`, OPTIONS as of `train`.

The teacher sees every view that the network sees (Beyer et al. 2022, arXiv:2106.05237), and the network learns two
things more from it:

- Its features, at strides 16 and 32: a convolution of each level that the box head reads imitates them (FitNets,
  arXiv:1412.6550). The convolutions are left behind at the end.
- Its scores: what a proposal is, where no one has labelled it truly, is the share of the teacher's boxes of such scores
  that are right, for each class.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import openvino
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.detection import roi_heads
from torchvision.ops import box_iou

from container.datasets.base import Photo
from container.engines.kinds.torchvision_detection import Detector
from container.engines.mobilenet_v2_fpn import CHANNELS
from container.training import train
from container.training.detection import DetectionTask
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item, ObjectSamples
from tests.embedded.labels import MODEL, SIDE
from tests.embedded.teachers import COMPLETE, RIGHT_CLOSE_BY, RIGHT_ON_COCO

# What of the teacher is imitated: the outputs of its pyramid.
FEATURES = {16: "/model/encoder/fpn_block/cv4/act/Mul", 32: "/model/encoder/pan_block/cv4/act/Mul"}
TAUGHT_CHANNELS = 96
# Levels of the network → the teacher's stride, and the convolution that imitates: its kernel and stride.
IMITATED = {"0": (16, 3, 2), "1": (16, 1, 1), "half_1": (32, 1, 1)}
ALONE = 100  # steps in which only the convolutions learn
RATE = 2e-3  # of their AdamW
LEAST_SCORE = 0.12
SAME = 0.5  # IoU with one of the teacher's boxes from which on a proposal is what the teacher says
ALL = "coco_mini"  # the set in which everything is labelled truly
UNSURE = "?"  # after the class of a label that a model made


class Teacher:
    """What the material's teacher makes of a view, on one thread."""

    def __init__(self, material: Path) -> None:
        core = openvino.Core()
        # Without pinning, as OpenVINO pins the threads of every process to the same core.
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False})
        network = core.read_model(str(material / MODEL))
        named = {operation.get_friendly_name(): operation for operation in network.get_ordered_ops()}
        network.add_outputs([named[name].output(0) for name in FEATURES.values()])
        network.reshape({"images": [1, 3, SIDE, SIDE], "orig_target_sizes": [1, 2]})
        self._network = core.compile_model(network, "CPU")

    def __call__(self, view: torch.Tensor) -> list[np.ndarray]:
        """Class numbers N, boxes N×4 xyxy and scores N, then the features C×H×W, of float 3×H×W pixels."""
        shown = cv2.resize(view.permute(1, 2, 0).numpy(), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        sizes = np.array([[view.shape[2], view.shape[1]]], np.int64)
        pixels = np.ascontiguousarray(shown.transpose(2, 0, 1)[None])
        return [out[0] for out in self._network({"images": pixels, "orig_target_sizes": sizes}).values()]


class TaughtSamples(ObjectSamples):
    """Random views whose targets also have what the teacher makes of them.

    `sure` says of each object whether its label is true; `taught_…` are the teacher's boxes, their class ids, and how
    probable it is that they are right; `features_…` are its features by stride. `complete` are the class ids that are
    labelled truly wherever they are.
    """

    def __init__(self, material: Path, photos: Sequence[Photo], labels: Sequence[str], *rest: Any) -> None:
        # Labels that a model made are classes of their own, so that views and pasted objects stay apart.
        super().__init__([_marked(photo) for photo in photos], [*labels, *(f"{one}{UNSURE}" for one in labels)], *rest)
        self._material = material
        self._count = len(labels)
        self._sets = [photo.path.parts[-3].removesuffix("_masks") for photo in photos]
        mini = json.loads((material / "data" / ALL / "instances.json").read_bytes())
        ids = {label: i for i, label in enumerate(labels)}
        self._class_of_category = {one["id"]: ids.get(one["name"], 0) for one in mini["categories"]}
        self._class_of_number = np.array([self._class_of_category[id] for id in sorted(self._class_of_category)])
        self._teacher: Teacher | None = None

    def __getitem__(self, index: int) -> Item:
        view, target = super().__getitem__(index)
        self._teacher = self._teacher or Teacher(self._material)  # here, as this runs in a process of its own
        numbers, boxes, scores, *features = self._teacher(view)
        classes = self._class_of_number[numbers.astype(int)]
        keep = (scores >= LEAST_SCORE) & (classes > 0)
        name = self._sets[index]
        right = RIGHT_ON_COCO if name.startswith("coco") else RIGHT_CLOSE_BY
        shares = np.interp(scores, *zip((0.0, 0.0), *right, strict=True))
        complete = self._class_of_category if name == ALL else COMPLETE.get(name, ())
        target |= {
            "sure": target["labels"] < self._count,
            "labels": target["labels"] % self._count,
            "taught_boxes": torch.from_numpy(boxes[keep].astype(np.float32)).reshape(-1, 4),
            "taught_classes": torch.from_numpy(classes[keep]),
            "taught_shares": torch.from_numpy(shares[keep].astype(np.float32)),
            "complete": torch.tensor(sorted({self._class_of_category[id] for id in complete} | {0})),
        }
        for stride, levels in zip(FEATURES, features, strict=True):
            target[f"features_{stride}"] = torch.from_numpy(levels.astype(np.float32))
        return view, target


def _marked(photo: Photo) -> Photo:
    """The photo, the classes of labels that a model made renamed."""
    marked = (replace(one, label=f"{one.label}{UNSURE}") if one.score < 1 else one for one in photo.annotations)
    return replace(photo, annotations=tuple(marked))


class Imitation(nn.Module):
    """Convolutions from the network's levels to the teacher's features, and their loss."""

    def __init__(self, targets: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """`targets` of a first batch, whose mean and spread by channel the features are measured in."""
        super().__init__()
        self.convolutions = nn.ModuleDict(
            {
                name: nn.Conv2d(CHANNELS, TAUGHT_CHANNELS, kernel, step, kernel // 2)
                for name, (_, kernel, step) in IMITATED.items()
            }
        )
        for stride in FEATURES:
            features = _features(targets, stride)
            self.register_buffer(f"mean_{stride}", features.mean((0, 2, 3), keepdim=True))
            self.register_buffer(f"spread_{stride}", features.std((0, 2, 3), keepdim=True) + 1e-3)

    def forward(
        self, levels: Mapping[str, torch.Tensor], targets: Sequence[Mapping[str, torch.Tensor]]
    ) -> torch.Tensor:
        losses = []
        for name, (stride, _, _) in IMITATED.items():
            mean, spread = getattr(self, f"mean_{stride}"), getattr(self, f"spread_{stride}")
            features = (_features(targets, stride) - mean) / spread
            made = self.convolutions[name](levels[name]).float()
            wanted = F.interpolate(features, made.shape[-2:], mode="bilinear", align_corners=False)
            losses.append(F.smooth_l1_loss(made, wanted))
        return torch.stack(losses).sum()


def _features(targets: Sequence[Mapping[str, torch.Tensor]], stride: int) -> torch.Tensor:
    return torch.stack([target[f"features_{stride}"] for target in targets])


class TaughtTask(DetectionTask):
    """Learning from labels and from a teacher; on one CPU."""

    def __init__(self, material: Path) -> None:
        self._material = material
        self._levels: dict[str, torch.Tensor] = {}
        self._chosen: tuple[Any, Any] = ((), ())
        self._imitation: Imitation | None = None
        self._steps = 0

    def prepare(self, network: Any, hyperparameters: Hyperparameters) -> None:
        """As for any detector; what the backbone makes and which proposals are learnt from is kept, too."""
        super().prepare(network, hyperparameters)
        network.backbone.register_forward_hook(self._keep_levels)
        select = network.roi_heads.select_training_samples

        def selected(*arguments: Any) -> Any:
            proposals, matched, *rest = select(*arguments)
            self._chosen = proposals, matched
            return proposals, matched, *rest

        network.roi_heads.select_training_samples = selected

    def samples(
        self, photos: Sequence[Photo], labels: Sequence[str], hyperparameters: Hyperparameters
    ) -> ObjectSamples:
        """Random views of `photos` with what the teacher makes of them."""
        return TaughtSamples(self._material, photos, labels, *self.seen(hyperparameters))

    def losses(
        self, network: nn.Module, plain: Any, items: Sequence[Item], device: torch.device
    ) -> dict[str, torch.Tensor]:
        """Each loss of one batch by name, `loss_features` among them."""
        targets = [target for _, target in items]
        if self._imitation is None:
            self._imitation = Imitation(targets)
            self._optimizer = torch.optim.AdamW(self._imitation.parameters(), RATE, weight_decay=0.01)
        self._optimizer.step()  # with the gradients of the batch before
        self._optimizer.zero_grad()
        self._steps += 1
        with patch.object(roi_heads, "fastrcnn_loss", self._box_losses(targets)):
            losses = super().losses(network, plain, items, device)
        alone = self._steps <= ALONE
        levels = {name: level.detach() if alone else level for name, level in self._levels.items()}
        return losses | {"loss_features": self._imitation(levels, targets)}

    def _keep_levels(self, module: nn.Module, pixels: Any, levels: dict[str, torch.Tensor]) -> None:
        self._levels = levels

    def _box_losses(self, targets: Sequence[Mapping[str, torch.Tensor]]) -> Any:
        """torchvision's losses of boxes, with shares of classes in place of one class where no label is true."""

        def losses(logits: torch.Tensor, boxes: torch.Tensor, labels: Any, corners: Any) -> Any:
            wanted = [
                shares(proposals, matched, classes, target, logits.shape[1])
                for proposals, matched, classes, target in zip(*self._chosen, labels, targets, strict=True)
            ]
            _, box_loss = boxes_loss(logits, boxes, labels, corners)
            return F.cross_entropy(logits.float(), torch.cat(wanted)), box_loss

        boxes_loss = roi_heads.fastrcnn_loss
        return losses


def shares(
    proposals: torch.Tensor,
    matched: torch.Tensor,
    classes: torch.Tensor,
    target: Mapping[str, torch.Tensor],
    count: int,
) -> torch.Tensor:
    """How probable each of `count` classes is for each proposal, N×count.

    Args:
        proposals: N×4 xyxy.
        matched: index of the object that each proposal is matched with, N.
        classes: the classes that the labels say, N, 0 for the background.
    """
    labelled = F.one_hot(classes, count).float()
    taught = torch.zeros_like(labelled)
    if len(target["taught_boxes"]):
        right = (box_iou(proposals, target["taught_boxes"]) >= SAME) * target["taught_shares"]
        taught.scatter_reduce_(1, target["taught_classes"].expand(len(right), -1), right, "amax")
    taught[:, target["complete"]] = 0
    taught /= taught.sum(1, keepdim=True).clamp(min=1)
    taught[:, 0] = 1 - taught.sum(1)
    of_object = classes > 0
    sure = target["sure"][matched] if len(target["sure"]) else torch.zeros_like(of_object)
    # A label of six views of the photo counts as much as what is seen in this one.
    unsure = torch.where(of_object[:, None], (labelled + taught) / 2, taught)
    return torch.where((of_object & sure)[:, None], labelled, unsure)


@contextmanager
def taught(material: Path) -> Iterator[None]:
    """Detectors are trained beside the teacher."""
    with patch.dict(train.TASKS, {Detector: lambda: TaughtTask(material)}):
        yield


if __name__ == "__main__":
    from container.cli import main

    _, folder, *options = sys.argv
    with taught(Path(folder)):
        main(["train", *options])
