"""How detectors learn: which losses they have, with masks and without."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from container.datasets import coco
from container.engines.kinds import maskrcnn_mobilenet_v2_fpn
from container.errors import ModelError
from container.training.detection import DetectionTask
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item
from tests.training import folders

CPU = torch.device("cpu")
LABELS = ("__background__", "disc", "square")
HYPERPARAMETERS = Hyperparameters(image_size=96, scale_low=1.0, scale_high=1.2, copy_paste=0.0)
BOX_LOSSES = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}


@pytest.fixture(scope="module")
def mask_rcnn() -> Any:
    torch.manual_seed(0)
    network = maskrcnn_mobilenet_v2_fpn.build(len(LABELS)).train()
    DetectionTask().prepare(network, HYPERPARAMETERS)
    return network


def items(folder: Path, masks: bool) -> list[Item]:
    torch.manual_seed(0)
    photos = coco.read(folders.write(folder, photos=2, masks=masks)).photos
    samples = DetectionTask().samples(photos, LABELS, HYPERPARAMETERS)
    return [samples[0], samples[1]]


def losses(network: Any, batch: list[Item]) -> dict[str, torch.Tensor]:
    return DetectionTask().losses(network, network, batch, CPU)


def test_photos_with_masks_teach_boxes_and_masks(mask_rcnn: Any, tmp_path: Path) -> None:
    found = losses(mask_rcnn, items(tmp_path / "shapes", masks=True))
    assert set(found) == BOX_LOSSES | {"loss_mask"}
    assert all(torch.isfinite(loss) for loss in found.values())
    mask_rcnn.zero_grad()
    sum(found.values(), torch.zeros(())).backward()
    untouched = [name for name, parameter in mask_rcnn.named_parameters() if parameter.grad is None]
    assert untouched == []


def test_photos_without_masks_teach_boxes_only(mask_rcnn: Any, tmp_path: Path) -> None:
    masked, plain = items(tmp_path / "masks", masks=True), items(tmp_path / "boxes", masks=False)
    assert set(losses(mask_rcnn, plain)) == BOX_LOSSES
    assert set(losses(mask_rcnn, [masked[0], plain[1]])) == BOX_LOSSES
    assert mask_rcnn.roi_heads.has_mask()


def test_the_mask_head_is_back_after_an_error(mask_rcnn: Any) -> None:
    broken = {"boxes": torch.tensor([[5.0, 5.0, 2.0, 2.0]]), "labels": torch.tensor([1])}
    with pytest.raises(AssertionError):
        losses(mask_rcnn, [(torch.rand(3, 96, 96), broken)])
    assert mask_rcnn.roi_heads.has_mask()


@pytest.mark.parametrize("masked", [True, False])
def test_photos_without_objects_teach_as_well(mask_rcnn: Any, masked: bool) -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    if masked:
        empty["masks"] = torch.zeros(0, 96, 96, dtype=torch.uint8)
    found = losses(mask_rcnn, [(torch.rand(3, 96, 96), empty)])
    assert set(found) == BOX_LOSSES | ({"loss_mask"} if masked else set())
    assert all(torch.isfinite(loss) for loss in found.values())


def test_the_network_takes_views_as_they_are(mask_rcnn: Any) -> None:
    seen, _ = mask_rcnn.transform([torch.rand(3, 96, 96)])
    assert seen.image_sizes == [(96, 96)]


def test_one_mask_is_answered_for_every_class(mask_rcnn: Any) -> None:
    predictor = mask_rcnn.roi_heads.mask_predictor
    masks = predictor(torch.randn(2, 128, 14, 14))
    assert masks.shape == (2, 3, 28, 28)
    assert torch.equal(masks[:, 0], masks[:, 1]) and torch.equal(masks[:, 0], masks[:, 2])
    assert predictor.mask_fcn_logits.weight.shape[0] == 1


def test_a_detector_of_one_stage_learns_from_boxes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torchvision.models.get_model(
        "ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=len(LABELS)
    ).train()
    task = DetectionTask()
    size = network.transform.fixed_size
    task.prepare(network, HYPERPARAMETERS)
    assert network.transform.fixed_size == size == (320, 320)
    for masks in (True, False):
        found = losses(network, items(tmp_path / str(masks), masks))
        assert set(found) == {"bbox_regression", "classification"}
        assert all(torch.isfinite(loss) and loss > 0 for loss in found.values())
    sum(found.values(), torch.zeros(())).backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_keypoint_models_are_refused() -> None:
    network = torchvision.models.get_model("keypointrcnn_resnet50_fpn", weights=None, weights_backbone=None)
    with pytest.raises(ModelError, match="keypoint models are not trained here"):
        DetectionTask().prepare(network, HYPERPARAMETERS)


def test_every_photo_is_of_use(tmp_path: Path) -> None:
    data = {"boxes": coco.read(folders.write(tmp_path / "boxes", masks=False))}
    assert DetectionTask().usable(data) == data
