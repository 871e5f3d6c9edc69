"""A store of one small model for each task, of random weights, and the embedded model under two other names."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from container.engines import weight_files
from container.engines.base import architectures
from container.models import archive, artifact, locate, packing
from container.structures import ModelSpec, Preprocessing
from tests.promptable_models import tiny_sam2

CATS, STEPS, BOXES, POSE, KINDS, AREAS = "cats/1", "steps/1", "boxes/1", "pose/1", "kinds/1", "areas/1"
BACKGROUND = "__background__"
SIDES = {"min_size": 160, "max_size": 256}
SMALL = {"min_size": 320, "max_size": 360}  # half of the embedded model's own sides: a quarter of the time
SEEDS = {AREAS: 30}  # with which all of its classes win pixels of a photo; others have 3
SPREAD = 30.0  # times the last weights of a model: as they begin, all classes are as likely
RANDOM = {
    BOXES: ModelSpec("boxes", "ssdlite320_mobilenet_v3_large", "", (BACKGROUND, "a", "b")),
    POSE: ModelSpec("pose", "keypointrcnn_resnet50_fpn", "", (BACKGROUND, "person"), SIDES),
    KINDS: ModelSpec("kinds", "mobilenet_v3_small", "", ("a", "b", "c", "d")),
    AREAS: ModelSpec("areas", "semantic_fpn_mobilenet_v2", "", (BACKGROUND, "a", "b", "c")),
}

LAST = {
    BOXES: "head.classification_head.module_list.3.1.weight",
    KINDS: "classifier.3.weight",
    AREAS: "classifier.weight",
}


def renamed(label: str) -> str:
    """What CATS calls a class of the embedded model."""
    return label if label == BACKGROUND else f"my {label}"


def write_embedded(folder: Path, **changes: Any) -> None:
    """Write the embedded model, on SMALL pictures, into a folder, with changes of its description."""
    embedded = replace(artifact.read(locate.EMBEDDED, folder), parameters=SMALL)
    shutil.copy(locate.EMBEDDED / artifact.WEIGHTS, described(folder, replace(embedded, **changes)))


def write_random(folder: Path, name: str) -> None:
    """Write one of RANDOM into a folder, with the same weights each time."""
    torch.manual_seed(SEEDS.get(name, 3))
    spec = RANDOM[name]
    module = architectures[spec.architecture].build(num_classes=len(spec.labels), **spec.parameters)
    if name in LAST:
        module.get_parameter(LAST[name]).data *= SPREAD
    weight_files.write(module, described(folder, spec))


def write_store(root: Path) -> None:
    """Write CATS as an archive, the others as folders, and a SAM 2."""
    write_embedded(root / STEPS, name="steps", preprocessing=Preprocessing(grayscale=True, static_crop=(0, 0, 60, 100)))
    labels = artifact.read(locate.EMBEDDED, root).labels
    write_embedded(root / CATS, name="cats", labels=tuple(map(renamed, labels)))
    archive.pack({file.name: file for file in (root / CATS).iterdir()}, root / f"{CATS}.tar.gz")
    shutil.rmtree(root / CATS)
    for name in RANDOM:
        write_random(root / name, name)
    tiny_sam2(root / "sam2/hiera_tiny")


def described(folder: Path, spec: ModelSpec) -> Path:
    """The path of the weights in a new folder, which says what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / artifact.DESCRIPTION).write_text(packing.describe(spec))
    return folder / artifact.WEIGHTS
