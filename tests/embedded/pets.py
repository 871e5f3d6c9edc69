"""How the embedded model names pets: `python -m tests.embedded.pets MODEL MATERIAL`, MODEL the folder of a model.

Asked about, at the default confidence, are the material's 460 photos of one cat or dog that no run learns from.
"""

import json
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import torch

from container.datasets.base import Photo
from container.engines import building
from container.engines.base import ImageEngine
from container.engines.runtime import Runtime
from container.models import artifact
from container.structures import ImageQuery, Instances
from container.training import pixels

MANY = "data/extra_many"
SETS = ("kaggle_cd", "natural")  # of MANY; none of `teachers.GROUPS`
NAMES = {17: "cat", 18: "dog"}  # by COCO's ids


def verdict(found: Collection[str], name: str) -> str:
    """Right if the animal's name is the only one but a person's, wrong if there is another, else nothing."""
    others = {*found} - {"person"}
    return "right" if others == {name} else "wrong" if others else "nothing"


def verdicts(engine: ImageEngine, material: Path) -> Counter[str]:
    """How many photos have which verdict."""
    counts: Counter[str] = Counter()
    for image in json.loads((material / MANY / "teacher.json").read_bytes())["images"]:
        if image.get("set") in SETS and image.get("known_class") in NAMES:
            path = material / MANY / "images" / image["file_name"]
            seen, _ = pixels.read(Photo(image["id"], path, image["width"], image["height"]))
            [found] = engine.predict([ImageQuery(seen)])
            assert isinstance(found, Instances)
            counts[verdict(found.labels, NAMES[image["known_class"]])] += 1
    return counts


if __name__ == "__main__":
    model, folder = map(Path, sys.argv[1:])
    with artifact.opened(model) as spec:
        asked = building.load(spec, Runtime(torch.device("cpu"), torch.float32))
    assert isinstance(asked, ImageEngine)
    print(", ".join(f"{count} {name}" for name, count in sorted(verdicts(asked, folder).items())))
