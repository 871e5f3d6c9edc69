"""How semantic models learn: views with the class of each pixel, and cross-entropy."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from container.datasets import coco
from container.datasets.label_maps import IGNORED
from container.engines.kinds import semantic_fpn_mobilenet_v2
from container.engines.kinds.torchvision_segmentation import NORMALISE
from container.errors import DataError
from container.training.hyperparameters import Hyperparameters
from container.training.segmentation import AUXILIARY, SegmentationTask
from tests.training import folders

CPU = torch.device("cpu")
LABELS = ("__background__", "disc", "square")


class Linear(nn.Module):
    """Logits out of the colours of each pixel, at a stride; with an auxiliary answer where that is asked."""

    def __init__(self, auxiliary: bool = False, stride: int = 2) -> None:
        super().__init__()
        self.stride = stride
        self.classifier = nn.Conv2d(3, len(LABELS), 1)
        self.auxiliary = auxiliary

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.classifier(F.avg_pool2d(pixels, self.stride))
        return {"out": logits, **({"aux": 2 * logits} if self.auxiliary else {})}


def losses(network: nn.Module, pixels: torch.Tensor, truth: torch.Tensor) -> dict[str, torch.Tensor]:
    return SegmentationTask().losses(network, network, [(pixels, {"map": truth})], CPU)


def test_an_item_is_a_view_with_the_class_of_each_pixel(tmp_path: Path) -> None:
    photos = coco.read(folders.write(tmp_path / "shapes")).photos
    hyperparameters = Hyperparameters(image_size=64, scale_low=0.9, scale_high=0.9)
    torch.manual_seed(0)
    pixels, target = SegmentationTask().samples(photos, LABELS, hyperparameters)[0]
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.float32) and pixels.max() <= 1
    truth = target["map"]
    assert (truth.shape, truth.dtype) == ((64, 64), torch.uint8)
    assert set(truth.unique().tolist()) == {0, 1, 2, IGNORED}
    around = (truth == IGNORED).float().mean()
    assert 0.35 < around < 0.5  # 1 - 0.9 · 0.9 · 48 / 64 is beside the photo, and there is the crowd
    # Discs are red and squares blue, whatever was done to the colours, unless these were taken away.
    red, blue = pixels[:, truth == 1].mean(1), pixels[:, truth == 2].mean(1)
    assert red[0] >= red[2] and blue[2] >= blue[0]


@pytest.mark.parametrize(("stride", "step"), [(1, 1), (2, 1), (4, 2), (8, 4)])
def test_the_loss_is_cross_entropy_at_twice_the_size_of_the_logits(stride: int, step: int) -> None:
    torch.manual_seed(0)
    network, pixels, truth = Linear(stride=stride), torch.rand(3, 16, 16), torch.randint(0, 3, (16, 16)).byte()
    normalised = (pixels - torch.tensor(NORMALISE.mean)[:, None, None]) / torch.tensor(NORMALISE.std)[:, None, None]
    side = 16 // step
    logits = F.interpolate(network(normalised[None])["out"], (side, side), mode="bilinear", align_corners=False)
    seen = truth[step // 2 :: step, step // 2 :: step].long()  # the pixels in the middle
    expected = -logits.log_softmax(1)[0].gather(0, seen[None]).mean()
    found = losses(network, pixels, truth)
    assert set(found) == {"loss_pixels"}
    torch.testing.assert_close(found["loss_pixels"], expected)


def test_ignored_pixels_neither_teach_nor_count() -> None:
    torch.manual_seed(0)
    network, pixels = Linear(), torch.rand(3, 8, 8)
    truth = torch.full((8, 8), IGNORED, dtype=torch.uint8)
    truth[:, :2] = 1
    other = pixels.clone()
    other[:, :, 6:] = 0  # far from what counts, so that stretching does not reach it
    torch.testing.assert_close(losses(network, pixels, truth), losses(network, other, truth))
    truth[:, 6:] = 2
    assert losses(network, pixels, truth) != losses(network, other, truth)


def test_an_auxiliary_classifier_teaches_with_its_weight() -> None:
    torch.manual_seed(0)
    network, pixels, truth = Linear(auxiliary=True), torch.rand(3, 8, 8), torch.ones(8, 8, dtype=torch.uint8)
    found = losses(network, pixels, truth)
    assert set(found) == {"loss_pixels", "loss_auxiliary"}
    with torch.no_grad():
        network.classifier.weight.mul_(2)
        network.classifier.bias.mul_(2)
    doubled = losses(network, pixels, truth)["loss_pixels"]
    torch.testing.assert_close(found["loss_auxiliary"], AUXILIARY * doubled)


def test_a_real_network_learns() -> None:
    torch.manual_seed(0)
    network = semantic_fpn_mobilenet_v2.build(len(LABELS)).train()
    [loss] = losses(network, torch.rand(3, 64, 64), torch.randint(0, 3, (64, 64), dtype=torch.uint8)).values()
    assert torch.isfinite(loss)
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_photos_without_masks_are_left_out(tmp_path: Path) -> None:
    masked = coco.read(folders.write(tmp_path / "masked"))
    boxes = coco.read(folders.write(tmp_path / "boxes", masks=False))
    task = SegmentationTask()
    assert task.usable({"masked": masked, "boxes": boxes}) == {"masked": masked}
    with pytest.raises(DataError, match="learns from masks, and no photo"):
        task.usable({"boxes": boxes})
