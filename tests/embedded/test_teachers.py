"""What the embedded model learns many classes from: trusted as it deserves, and nothing that it is measured on."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from container.models import artifact, locate
from container.training import data
from tests.embedded.labels import SETS
from tests.embedded.teachers import RIGHT_ON_COCO, holdout_ids, prepare, relabelled, taught, trust, with_good_masks

MATERIAL = Path(__file__).parents[3] / "shared/model"

needs_material = pytest.mark.skipif(not MATERIAL.is_dir(), reason="the embedded model's training material is not here")

GONE = ("sheep", "cow")  # animals that the first model knew

BOX = {"image_id": 1, "category_id": 17, "bbox": [0, 0, 50, 50], "segmentation": [[0, 0, 9, 0, 9, 9]]}
TRUE = {**BOX, "source": "true", "score": 1.0, "fit": 0.9, "sam": 0.97}


def coco(*annotations: dict[str, Any], **image: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "width": 100, "height": 100, **image}],
        "annotations": copy.deepcopy([*annotations]),
    }


@pytest.mark.parametrize(
    ("source", "score", "trusted"), [("teacher", 0.45, 0.3), ("teacher", 0.5, 0.45), ("true", 1.0, 1.0)]
)
def test_a_label_is_trusted_as_often_as_such_labels_are_right(source: str, score: float, trusted: float) -> None:
    one = coco({**BOX, "source": source, "score": score})
    trust(one, RIGHT_ON_COCO)
    assert one["annotations"][0]["score"] == trusted


def test_classes_with_few_sure_objects_are_not_taught() -> None:
    cats, owls = [TRUE] * 40, [{**TRUE, "category_id": 99, "score": 0.5}] * 79
    assert taught([coco(*cats), coco(*owls)]) == {17, 23, 24, 25}


@pytest.mark.parametrize(
    ("changed", "image", "photos"),
    [
        ({}, {}, 1),
        ({"fit": 0.7}, {}, 0),
        ({"sam": 0.9}, {}, 0),
        ({"sam": 0.9, "bbox": [0, 0, 9, 9]}, {}, 1),  # small
        ({}, {"masked": False}, 0),
    ],
)
def test_masks_are_learnt_where_every_large_one_is_good(
    changed: dict[str, Any], image: dict[str, Any], photos: int
) -> None:
    found = with_good_masks(coco(TRUE, {**TRUE, **changed}, **image))
    assert (len(found["images"]), len(found["annotations"])) == (photos, 2 * photos)


@pytest.mark.parametrize(
    ("row", "image", "added"),
    [
        ([17, 60, 60, 90, 90, 0.5], {}, [(17, 0.5)]),
        ([18, 60, 60, 90, 90, 0.5], {"known_class": 21}, [(21, 0.5)]),
        ([62, 60, 60, 90, 90, 0.5], {"known_class": 21}, [(62, 0.5)]),
        ([17, 2, 2, 50, 50, 0.9], {}, []),  # the true cat
        ([62, 2, 2, 50, 50, 0.9], {}, []),  # the same, called otherwise
        ([1, 60, 60, 90, 90, 0.9], {}, []),  # all people are labelled truly
    ],
)
def test_what_the_teacher_sees_besides_is_added(
    row: list[float], image: dict[str, Any], added: list[tuple[int, float]]
) -> None:
    labels = coco(TRUE, {**TRUE, "source": "teacher", "score": 0.7}, **image)
    found = relabelled(labels, {1: [row]}, complete=(1,))["annotations"]
    assert [(a["category_id"], a["score"]) for a in found] == [(17, 1.0), *added]
    assert not any("segmentation" in a for a in found)
    assert all(a["bbox"] == [60, 60, 30, 30] for a in found[1:])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is learnt from the true labels alone: the teacher has seen nothing."""
    folder = tmp_path_factory.mktemp("embedded")
    labels = folder / "labels"
    labels.mkdir()
    for name in SETS:
        images = json.loads((MATERIAL / "data" / name / "teacher.json").read_bytes())["images"]
        (labels / f"{name}.json").write_text(json.dumps({one["id"]: [] for one in images}))
    prepare(MATERIAL, labels, folder / "data")
    return folder / "data"


@needs_material
def test_no_photo_is_in_both(prepared: Path) -> None:
    held, train = (data.joined(data.read(prepared / name)) for name in ("holdout", "train"))
    assert len(held.photos) == 150 and len(train.photos) > 5000
    assert not {photo.id for photo in held.photos} & {photo.id for photo in train.photos}
    # The same photo under another id or name would be the same bytes.
    assert not {photo.path.read_bytes() for photo in held.photos} & {photo.path.read_bytes() for photo in train.photos}


@needs_material
def test_every_other_photo_of_coco_is_learnt_from(prepared: Path) -> None:
    counts = {name: len(dataset.photos) for name, dataset in data.read(prepared / "train").items()}
    assert counts["coco_mini"] == 645 - 150
    assert counts["coco_boxes"] == 2528


@needs_material
def test_the_holdout_has_every_class_of_the_model(prepared: Path) -> None:
    held = data.joined(data.read(prepared / "holdout"))
    with artifact.opened(locate.EMBEDDED) as spec:
        assert {one.label for photo in held.photos for one in photo.annotations} >= {*spec.labels[1:], *GONE}


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
