"""Masks for photos that have boxes only: `python -m tests.embedded.self_masks MODEL FOLDER OUT`.

MODEL is a folder with a trained Mask R-CNN, FOLDER one in COCO's format whose boxes are known. The mask head is asked
for a mask in every box. Where it is sure, that is the object's mask in OUT; where it is not, the box is left undecided
(`iscrowd`), so that a semantic model neither learns nor unlearns anything there.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from container.datasets import coco
from container.engines import _loading as loading
from container.engines._runtime import Runtime
from container.engines._tensors import to_tensor
from container.models import artifact
from container.structures import RoiMasks
from container.training.pixels import read_pixels

SURE = 0.8  # mean over the mask's cells of the distance of the probability from one half, times two


def main(model: Path, folder: Path, out: Path) -> None:
    """Write OUT/instances.json, and links to the photos beside it."""
    with artifact.opened(model) as spec:
        network = loading.build(spec).module
    dataset = coco.read(folder)
    ids = {label: number for number, label in enumerate(dataset.labels, 1)}
    images, annotations = [], []
    (out / "images").mkdir(parents=True)
    for photo in dataset.photos:
        (out / "images" / photo.path.name).symlink_to(photo.path.resolve())
        images.append({"id": photo.id, "file_name": photo.path.name, "width": photo.width, "height": photo.height})
        boxes = np.array([a.box for a in photo.objects], np.float32).reshape(-1, 4)
        masks, sure = _masks(network, photo, boxes)
        for i, annotation in enumerate(photo.objects):
            x1, y1, x2, y2 = annotation.box
            one = {
                "id": len(annotations) + 1,
                "image_id": photo.id,
                "category_id": ids[annotation.label],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": annotation.area,
                "iscrowd": int(not sure[i]),
            }
            annotations.append({**one, "segmentation": masks.rle(i)} if sure[i] else one)
    categories = [{"id": number, "name": label} for label, number in ids.items()]
    written = {"images": images, "annotations": annotations, "categories": categories}
    (out / "instances.json").write_text(json.dumps(written), encoding="utf-8")
    print(f"{sum(not a['iscrowd'] for a in annotations)} of {len(annotations)} boxes have a mask now")


@torch.inference_mode()
def _masks(network: torch.nn.Module, photo: coco.Photo, boxes: np.ndarray) -> tuple[RoiMasks, np.ndarray]:
    """What the mask head makes of known boxes, and where it is sure."""
    pixels = to_tensor(read_pixels(photo).permute(1, 2, 0).numpy(), Runtime(torch.device("cpu"), torch.float32).device)
    images, _ = network.transform([pixels])
    features = network.backbone(images.tensors)
    height, width = images.image_sizes[0]
    scale = torch.tensor([width / photo.width, height / photo.height] * 2)
    heads = network.roi_heads
    pooled = heads.mask_roi_pool(features, [torch.from_numpy(boxes) * scale], images.image_sizes)
    cells = heads.mask_predictor(heads.mask_head(pooled))[:, 0].sigmoid().numpy()
    sure = 2 * np.abs(cells - 0.5).mean((1, 2)) >= SURE
    return RoiMasks(cells, boxes, (photo.height, photo.width), "accurate", 0.0), sure


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    main(*map(Path, sys.argv[1:]))
