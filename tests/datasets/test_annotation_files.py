"""Which JSON files describe photos, and how their parts are told from one another."""

import json
from pathlib import Path

import pytest

from container.datasets import annotation_files
from container.datasets.account import Account, Broken
from container.datasets.annotation_files import AnnotationFile


def test_json_files_lie_in_the_folder_and_in_annotations(tmp_path: Path) -> None:
    for name in ("b.json", "Annotations/a.JSON", "._b.json", "images/c.json", "annotations.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = annotation_files.find(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["Annotations/a.JSON", "b.json"]
    for name in ("a.JSON", "Annotations/a.JSON"):
        assert annotation_files.named(found, ["c.json", name]) == found[:1]
    assert annotation_files.named(found, ["json", "tations/a.JSON"]) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not readable JSON: Expecting value: line 1 column 1"),
        (b'{"images": [', "not readable JSON"),
        (b"[" * 100_000, "not readable JSON: RecursionError"),
        ("[ä]".encode("cp1252"), "not in UTF-8: .* at byte 1; save it as UTF-8"),
        (b"[]", "a list, as results are"),
        (b"5", "not COCO's format"),
        (b'{"images": []}', "no `annotations`"),
        (b'{"version": 1}', "no `images` and no `annotations`"),
        (b'{"images": {}, "annotations": []}', "`images` is no list"),
        (b'{"images": [], "annotations": [], "categories": null}', "`categories` is no list"),
        (b'{"images": [], "annotations": [{"caption": "a cat"}]}', "no annotation has a `category_id`"),
        (b'{"images": [], "annotations": [{"id": 1, "image_id": 1, "category_id": 1}]}', "and a box or a mask"),
        (b'{"images": [], "annotations": [{"segments_info": [{"category_id": 1}]}]}', "no annotation has"),
    ],
)
def test_what_is_no_file_of_objects_is_said(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(Broken, match=reason):
        annotation_files.read(tmp_path / "a.json")


def test_a_file_may_have_no_annotations_and_no_categories(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"images": [], "annotations": []}))
    assert annotation_files.read(tmp_path / "a.json").categories == []


@pytest.mark.parametrize(
    ("value", "id"), [(1, 1), (1.0, 1), ("1", 1), ("007", 7), ("a", "a"), (0, 0), ("9" * 30, "9" * 30), ("²", "²")]
)
def test_ids_are_compared_by_what_they_mean(value: object, id: object) -> None:
    assert annotation_files.as_id(value, "id") == id


@pytest.mark.parametrize("value", [None, True, 1.5, float("nan"), [1], {}])
def test_what_is_no_id_is_said(value: object) -> None:
    with pytest.raises(Broken, match="for `image_id`, which is no id"):
        annotation_files.as_id(value, "image_id")


def test_annotations_lie_with_their_images() -> None:
    given = [{"id": 5, "image_id": "1"}, {"image_id": 1.0}, {"id": 6, "image_id": 2}, {"id": 7}, "x"]
    account = Account("set")
    found = AnnotationFile(Path("a.json"), [], given, []).annotations_by_image([1, 3], account)
    assert found == {1: [("annotation 5", given[0]), ("annotation no. 2", given[1])], 3: []}
    assert account.notes == {"annotations of images that `images` lacks": (1, "annotation 6 of a.json")}
    assert account.losses["annotations"] == [
        "a.json: annotation 7 has None for `image_id`, which is no id",
        "a.json: annotation no. 5 is 'x', which is no object",
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train"),
        ("instances_Train", "train"),
        ("training", "train"),
        ("valid", "val"),
        ("my-validation.v2", "val"),
        ("test-dev", "test"),
        ("trainval", None),
        ("train_val", None),
        ("constraints", None),
        ("_annotations.coco", None),
    ],
)
def test_splits_are_words_of_a_name(name: str, split: str | None) -> None:
    assert annotation_files.split_of(name) == split


@pytest.mark.parametrize(
    ("splits", "train", "validation"),
    [
        ({"a": "train", "b": "val", "c": "test", "d": None}, "a", "b"),
        ({"a": "train", "c": "test"}, "a", "c"),
        ({"b": "val", "c": "test"}, "bc", "b"),
        ({"a": "train", "d": None}, "ad", "ad"),
        ({"c": "test"}, "c", "c"),
        ({"d": None, "e": None}, "de", "de"),
    ],
)
def test_of_several_splits_one_is_read(splits: dict[str, str | None], train: str, validation: str) -> None:
    assert annotation_files.of_split(splits, "train") == list(train)
    assert annotation_files.of_split(splits, "validation") == list(validation)
