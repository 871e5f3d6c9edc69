"""What the embedded model is trained on, out of its material: `python -m tests.embedded.prepare MATERIAL OUT`.

Written are COCO folders whose photos are links into MATERIAL, train/* and holdout, and start.safetensors: the weights
to start from.
"""

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
import torchvision

from container.engines.mobilenet_v2_fpn import CONTEXT_CHANNELS, folded

# Person, vehicles, animals: ids of COCO.
CLASS_IDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
HOLDOUT_PHOTOS = 150
EXTRA = ("extra_ccp", "extra_feralcat", "extra_caltech_animals", "extra_carside")


def holdout_ids(images: Iterable[dict[str, Any]]) -> list[int]:
    """Ids of the photos that are kept for measuring, of the images of coco_mini."""
    candidates = sorted(
        i["id"] for i in images if i.get("split") == "val" and i.get("source") != "lightly-ai/coco128_yolo"
    )
    random.Random(7).shuffle(candidates)
    return candidates[:HOLDOUT_PHOTOS]


def prepare(material: Path, out: Path) -> None:
    """Write train/{masked,boxes,extra_…} and holdout."""
    mini = json.loads((material / "data/coco_mini/instances.json").read_bytes())
    boxes = json.loads((material / "data/coco_boxes/boxes.json").read_bytes())
    held = set(holdout_ids(mini["images"]))
    masked = {i["id"] for i in mini["images"]}
    _write(mini, material / "data/coco_mini/images", out / "holdout", held)
    _write(mini, material / "data/coco_mini/images", out / "train/masked", masked - held)
    only_boxes = {i["id"] for i in boxes["images"]} - masked
    _write(boxes, material / "data/coco_boxes/images", out / "train/boxes", only_boxes)
    for name in EXTRA:
        extra = json.loads((material / "data" / name / "instances.json").read_bytes())
        _write(extra, material / "data" / name / "images", out / "train" / name, {i["id"] for i in extra["images"]})


def _write(coco: dict[str, Any], photos: Path, folder: Path, ids: set[int]) -> None:
    (folder / "images").mkdir(parents=True)
    images = [i for i in coco["images"] if i["id"] in ids]
    for image in images:
        (folder / "images" / image["file_name"]).symlink_to((photos / image["file_name"]).resolve())
    written = {
        "images": images,
        "annotations": [a for a in coco["annotations"] if a["image_id"] in ids and a["category_id"] in CLASS_IDS],
        "categories": [c for c in coco["categories"] if c["id"] in CLASS_IDS],
    }
    (folder / "instances.json").write_text(json.dumps(written), encoding="utf-8")


def start_weights(material: Path) -> dict[str, torch.Tensor]:
    """The baseline detector by the names and shapes of our network, which then answers what the baseline does.

    Batch norms are folded, classes that are not ours left out, the person's mask is everybody's, and the context comes
    from ImageNet's last convolution with no say in the classes yet.
    """
    baseline = torch.load(material / "baseline/ema_fp16.pth", map_location="cpu", weights_only=True)["model"]
    imagenet = torch.load(material / "mobilenet_v2_imagenet_features_fp16.pth", map_location="cpu", weights_only=True)
    body = {k.removeprefix("backbone.body."): v for k, v in baseline.items() if k.startswith("backbone.body.")}
    layers = torchvision.models.mobilenet_v2(weights=None).features.eval()
    layers.load_state_dict({**imagenet, **body})
    backbone = folded(layers).state_dict()
    state = {k: v.float() for k, v in baseline.items() if not k.startswith(("backbone.body.", "rpn."))}
    state |= {k.replace("rpn.", "rpn.network."): v.float() for k, v in baseline.items() if k.startswith("rpn.")}
    for name, tensor in backbone.items():
        place = "context" + name.removeprefix("18") if name.startswith("18.") else f"body.{name}"
        state[f"backbone.{place}"] = tensor
    kept = torch.tensor([0, *CLASS_IDS])
    for name, rows in (("cls_score", kept), ("bbox_pred", (kept[:, None] * 4 + torch.arange(4)).flatten())):
        key = f"roi_heads.box_predictor.{name}"
        weight = state[f"{key}.weight"][rows]
        state[f"{key}.weight"] = F.pad(weight, (0, CONTEXT_CHANNELS))
        state[f"{key}.bias"] = state[f"{key}.bias"][rows]
    for part in ("weight", "bias"):
        key = f"roi_heads.mask_predictor.mask_fcn_logits.{part}"
        state[key] = state[key][1:2]
    return {k: v.contiguous() for k, v in state.items()}


if __name__ == "__main__":
    _, material, out = sys.argv
    prepare(Path(material), Path(out))
    (Path(out) / "start.safetensors").write_bytes(safetensors.torch.save(start_weights(Path(material))))
