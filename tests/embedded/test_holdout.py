"""No photo that the embedded model is measured on is one that it was trained on."""

import json
from pathlib import Path

import pytest

from container.training import data
from tests.embedded.prepare import CLASS_IDS, holdout_ids, prepare

MATERIAL = Path(__file__).parents[3] / "shared/model"

needs_material = pytest.mark.skipif(not MATERIAL.is_dir(), reason="the embedded model's training material is not here")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("embedded")
    prepare(MATERIAL, out)
    return out


@needs_material
def test_no_photo_is_in_both(prepared: Path) -> None:
    held = data.joined(data.read(prepared / "holdout"))
    train = data.joined(data.read(prepared / "train"))
    assert len(held.photos) == 150
    assert not {photo.id for photo in held.photos} & {photo.id for photo in train.photos}
    # The same photo under another id or name would be the same bytes.
    assert not {photo.path.read_bytes() for photo in held.photos} & {photo.path.read_bytes() for photo in train.photos}


@needs_material
def test_everything_else_is_trained_on(prepared: Path) -> None:
    counts = {name: len(dataset.photos) for name, dataset in data.read(prepared / "train").items()}
    assert counts["masked"] == 645 - 150
    assert counts["boxes"] == 2528


@needs_material
def test_the_holdout_has_every_class(prepared: Path) -> None:
    written = json.loads((prepared / "holdout/instances.json").read_bytes())
    assert {a["category_id"] for a in written["annotations"]} == set(CLASS_IDS)


@pytest.mark.parametrize(
    ("image", "held"),
    [
        ({"id": 1, "split": "val", "source": "a"}, True),
        ({"id": 1, "split": "train", "source": "a"}, False),
        ({"id": 1, "split": "val", "source": "lightly-ai/coco128_yolo"}, False),
        ({"id": 1}, False),
    ],
)
def test_what_may_be_held_out(image: dict[str, object], held: bool) -> None:
    assert holdout_ids([image]) == ([1] if held else [])


def test_the_holdout_does_not_depend_on_the_order_of_the_file() -> None:
    images = [{"id": i, "split": "val", "source": "a"} for i in range(400)]
    assert holdout_ids(images) == holdout_ids(reversed(images))
    assert len(set(holdout_ids(images))) == 150
