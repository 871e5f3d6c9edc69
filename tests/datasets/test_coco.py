"""Folders in COCO's format: what is read, and that every fault is a DataError that names its file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.datasets import coco
from container.datasets.base import Annotation, Photo
from container.errors import DataError
from tests.conftest import encode
from tests.training import folders

Described = dict[str, Any]


def test_photos_objects_and_labels_are_read(tmp_path: Path) -> None:
    dataset = coco.read(folders.write(tmp_path / "shapes"))
    assert (dataset.name, dataset.labels) == ("shapes", ("disc", "square"))
    first = dataset.photos[0]
    assert (first.id, first.path.name, first.width, first.height) == (0, "0.png", 64, 48)
    assert [(a.label, a.box, a.crowd) for a in first.annotations] == [
        ("disc", (7, 5, 25, 23), False),
        ("square", (40, 24, 56, 40), False),
        ("disc", (40, 2, 60, 12), True),
    ]
    assert [a.label for a in first.objects] == ["disc", "square"]
    assert all(photo.masked for photo in dataset.photos)


def test_masks_are_drawn_where_their_boxes_are(tmp_path: Path) -> None:
    photo = coco.read(folders.write(tmp_path / "shapes")).photos[0]
    disc, square, crowd = (photo.mask(a) for a in photo.annotations)
    assert disc.shape == (48, 64) and disc.dtype == bool
    assert 0.9 < disc.sum() / (np.pi * 81) < 1.1 and disc[14, 16] and not disc[6, 8]
    assert square.sum() == 256 and square[24:40, 40:56].all()
    assert crowd.sum() == 200


def test_objects_may_come_without_masks(tmp_path: Path) -> None:
    photo = coco.read(folders.write(tmp_path / "shapes", masks=False)).photos[0]
    assert not photo.masked and photo.annotations[1].area == 256
    assert photo.mask(photo.annotations[1]).sum() == 256


def test_a_photo_without_objects_has_all_of_their_masks() -> None:
    assert Photo(1, Path("a.png"), 4, 4).masked
    assert Photo(1, Path("a.png"), 4, 4, (Annotation((0, 0, 4, 4), "disc", crowd=True),)).masked


def test_labels_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    dataset = coco.read(folders.write(tmp_path / "shapes"), only=("square",))
    assert dataset.labels == ("square",)
    assert {a.label for photo in dataset.photos for a in photo.annotations} == {"square"}
    assert len(dataset.photos) == 3


@pytest.mark.parametrize("place", ["images", ".", "annotations"])
def test_photos_lie_in_images_beside_the_file_or_in_the_folder(place: str, tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=1)
    (folder / "annotations").mkdir()
    shutil.move(folder / folders.FILE, folder / "annotations" / folders.FILE)
    if place != "images":
        shutil.move(folder / "images/0.png", folder / place / "0.png")
    assert coco.read(folder).photos[0].path == (folder / place / "0.png")


def test_several_files_are_read_as_one_and_others_are_passed_over(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=2)
    described = json.loads((folder / folders.FILE).read_text())
    for name, i in (("a.json", 0), ("b.json", 1)):
        one = {**described, "images": described["images"][i : i + 1]}
        one["annotations"] = [a for a in described["annotations"] if a["image_id"] == i]
        (folder / name).write_text(json.dumps(one))
    (folder / folders.FILE).write_text('{"info": "no photos in here"}')
    assert [len(photo.annotations) for photo in coco.read(folder).photos] == [3, 2]


@pytest.mark.parametrize(
    ("box", "read"),
    [
        ([-5, -5, 20, 20], (0, 0, 15, 15)),
        ([50, 40, 100, 100], (50, 40, 64, 48)),
        ([10, 10, 0.5, 20], None),  # covers nothing
        ([63.5, 10, 30, 20], None),
    ],
)
def test_boxes_are_cut_at_the_borders(box: list[float], read: tuple[float, ...] | None, tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), lambda value: value["annotations"][0].update(bbox=box))
    first = coco.read(folder).photos[0].annotations[0]
    assert (first.box == read) if read else (first.label == "square")


def in_annotation(**values: object) -> Callable[[Described], None]:
    return lambda value: value["annotations"][0].update(values)


def in_image(**values: object) -> Callable[[Described], None]:
    return lambda value: value["images"][0].update(values)


def without(part: str, key: str) -> Callable[[Described], None]:
    return lambda value: value[part][0].pop(key)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (in_annotation(category_id=99), "annotation 0 has category_id 99, which `categories` lacks"),
        (in_annotation(category_id="disc"), "annotation 0 has category_id 'disc', which `categories` lacks"),
        (in_annotation(category_id=float("inf")), "annotation 0 has inf for `category_id`"),
        (in_annotation(image_id=None), "annotation 0 has None for `image_id`"),
        (in_annotation(bbox=[64, 0, 5, 5]), "outside of its photo of 64×48"),
        (in_annotation(bbox=[-20, 0, 5, 5]), "outside of its photo of 64×48"),
        (in_annotation(segmentation=[[1, 2, 3, 4]]), "annotation 0 has no polygon"),
        (in_annotation(segmentation={"size": [64, 48], "counts": [0, 64 * 48]}), "run lengths are of size [64, 48]"),
        (in_image(file_name="gone.png"), "photo 'gone.png' is neither in"),
        (in_image(file_name="x" * 300 + ".png"), "photo 'xxx"),
        (in_image(file_name=5), "image 0 has 5 for a `file_name`"),
        (in_image(width="wide"), "photo '0.png' has ('wide', 48) for `width` and `height`"),
        (in_image(width=10**9, height=10**9), "is of 1000000000×1000000000 pixels"),
        (lambda value: value["images"].append(value["images"][0]), "image id 0 is there twice"),
        (lambda value: value["images"].append({**value["images"][0], "id": 7, "file_name": "./0.png"}), "'0.png'"),
        (lambda value: value.update(images=5), "not COCO's format"),
        (lambda value: value.update(annotations=None), "not COCO's format"),
        (lambda value: value.update(annotations=["a"]), "not of objects"),
        (lambda value: value["annotations"].append("a"), "annotation no. 8 is 'a', which is no object"),
        (lambda value: value.update(categories=None), "not COCO's format"),
        (lambda value: value["categories"].append({"id": 7, "name": "ring"}), "calls 'disc' and 'ring'"),
        (without("images", "file_name"), "image 0 has None for a `file_name`"),
        (without("images", "id"), "not COCO's format: image no. 1 has None for `id`"),
        (without("categories", "name"), "not COCO's format: category no. 1 has no `name`"),
    ],
)
def test_what_is_wrong_is_a_data_error_that_names_the_file(
    edit: Callable[[Described], None], reason: str, tmp_path: Path
) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), edit)
    with pytest.raises(DataError) as caught:
        coco.read(folder, strict=True)
    assert str(caught.value).startswith(str(folder / folders.FILE)) and reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 100_000, '{"images": [}'])
def test_what_is_no_json_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json: not readable JSON"):
        coco.read(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", '{"images": []}', "5"])
def test_a_folder_without_images_and_annotations_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="no JSON file with COCO's `images` and `annotations`"):
        coco.read(tmp_path)


def test_a_broken_annotation_costs_itself(tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), in_annotation(segmentation=[[1, 2, 3, 4]]))
    dataset = coco.read(folder)
    first = dataset.photos[0]
    assert [a.label for a in first.objects] == ["disc", "square"] and not first.masked
    assert dataset.account.lines()[0].startswith(
        "       1  objects of which the box alone is learnt, as the mask cannot be read (first: annot"
    )
    assert "       1  annotations that cannot be used: " in "\n".join(dataset.account.lines())


def test_a_photo_of_which_an_object_is_lost_teaches_nothing(tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), in_annotation(bbox=None, segmentation=None))
    dataset = coco.read(folder)
    assert [photo.id for photo in dataset.photos] == [1, 2]
    assert "not even the box can be read (first: 0.png)" in "\n".join(dataset.account.lines())


def break_all(count: int) -> Callable[[Described], None]:
    def edit(value: Described) -> None:
        for annotation in value["annotations"][:count]:
            annotation.update(bbox=None, segmentation={"size": [48, 64], "counts": "b'...'"})

    return edit


def test_too_many_broken_annotations_end_it(tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), break_all(5))
    with pytest.raises(DataError, match="5 of 7 annotations cannot be used, more than 5%: .*annotation 0 .*and 2 more"):
        coco.read(folder)


@pytest.mark.parametrize(("missing", "ends"), [(1, False), (2, True), (3, True)])
def test_missing_photos_are_counted(missing: int, ends: bool, tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes")
    for i in range(missing):
        (folder / f"images/{i}.png").unlink()
    if ends:
        with pytest.raises(DataError, match=f"{missing} of 3 photos cannot be used.*photo '0.png' is neither in"):
            coco.read(folder)
    else:
        assert len(coco.read(folder).photos) == 3 - missing


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda value: None, "crowds (iscrowd 1)"),
        (in_annotation(image_id=99), "annotations of images that `images` lacks (first: annotation 0 of"),
        (in_annotation(bbox=[1, 1, 0.5, 9]), "objects that cover less than a pixel"),
        (in_annotation(bbox=None), "taken from their masks"),
        (in_annotation(segmentation=[[1, 2, 3, 4], [5, 5, 20, 5, 20, 20]]), "some polygons cannot be drawn"),
        (in_image(file_name="/data/upload/1/0.png"), "photos in other folders than `file_name` says (first: /data/upl"),
        (lambda value: value["images"].append({**value["images"][0], "id": 9}), "photos that a file lists again"),
        (lambda value: value["categories"].append({"id": 9, "name": "star"}), "labels without an object: star"),
        (lambda value: value["categories"].append({"id": 9, "name": "disc"}), "'disc', which instances.json gives"),
        (
            lambda value: value["categories"][1].update(name="Background"),
            "objects of a category that is called background",
        ),
    ],
)
def test_nothing_is_passed_over_in_silence(edit: Callable[[Described], None], said: str, tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), edit)
    assert said in "\n".join(coco.read(folder).account.lines())


def test_the_same_name_twice_under_one_id_is_harmless(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes")
    folders.change(folder, lambda value: value["categories"].append(value["categories"][0]))
    dataset = coco.read(folder, strict=True)
    assert dataset.labels == ("disc", "square") and not dataset.account.decisions


@pytest.mark.parametrize("values", [{"width": None}, {"height": 0}, {"width": "64", "height": 48.0}])
def test_a_missing_size_is_that_of_the_photo(values: Described, tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), in_image(**values))
    first = coco.read(folder, strict=True).photos[0]
    assert (first.width, first.height) == (64, 48)


def described(*photos: str, first_id: int = 1, label: str = "disc") -> Described:
    """A box on each photo; ids from `first_id`."""
    images = [{"id": first_id + i, "file_name": name, "width": 8, "height": 8} for i, name in enumerate(photos)]
    boxes = [{"id": i["id"], "image_id": i["id"], "category_id": 1, "bbox": [1, 1, 5, 5]} for i in images]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": label}]}


def write(folder: Path, files: dict[str, Described | bytes], *photos: str) -> Path:
    """JSON files by their paths, and photos of 8×8 pixels."""
    for name, content in (files | dict.fromkeys(photos, encode(np.zeros((8, 8, 3), np.uint8)))).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


AB, CD = described("a.png", "b.png"), described("c.png", "d.png")
ABCD = described("a.png", "b.png", "c.png", "d.png")
CAPTIONS = {**AB, "annotations": [{"id": 1, "image_id": 1, "caption": "a disc"}]}
PHOTOS = ("images/a.png", "images/b.png", "images/c.png", "images/d.png")


@pytest.mark.parametrize(
    ("files", "train", "validation", "said"),
    [
        ({"annotations/instances.json": AB, "annotations/captions.json": CAPTIONS}, "ab", "ab", "no annotation has a"),
        ({"a.json": AB, "package.json": {"name": "x"}}, "ab", "ab", "no `images`"),
        ({"a.json": AB, "results.json": [{"image_id": 1, "score": 0.5}]}, "ab", "ab", "a list, as results are"),
        ({"a.json": AB, "log.json": b"{"}, "ab", "ab", "not readable JSON"),
        ({"a.json": AB, "latin.json": "{'ä'}".encode("latin-1")}, "ab", "ab", "not in UTF-8"),
        ({"a.json": AB, "._a.json": b"\0\5\26\7"}, "ab", "ab", ""),
        ({"instances.json": AB, "a_keypoints.json": AB}, "ab", "ab", "2 photos of a_keypoints.json, which instances"),
        ({"x.json": AB, "y.json": CD}, "abcd", "abcd", ""),  # each numbered from 1
        ({"x_train.json": AB, "x_val.json": CD}, "ab", "cd", "of another split than"),
        ({"Train.json": AB, "instances_test2017.json": CD}, "ab", "cd", "of another split than"),
        (
            {"instances.json": AB, "all.json": ABCD},
            "abcd",
            "abcd",
            "2 photos of all.json, which instances",
        ),
        ({"x_train.json": described("nowhere.png"), "x_val.json": CD}, "cd", "cd", "none of their photos is there"),
    ],
)
def test_which_files_are_read(
    files: dict[str, Described | bytes], train: str, validation: str, said: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, files, *PHOTOS)
    for split, expected in (("train", train), ("validation", validation)):
        dataset = coco.read(folder, split=split, strict=True)
        assert sorted(photo.path.stem for photo in dataset.photos) == list(expected)
        assert len({photo.id for photo in dataset.photos}) == len(expected)
        assert said in "; ".join(dataset.account.lines())


def test_a_photo_that_is_missing_for_several_files_is_lost_once(tmp_path: Path) -> None:
    folder = write(tmp_path, {"instances.json": ABCD, "keypoints.json": ABCD}, *PHOTOS[1:])
    dataset = coco.read(folder)
    assert len(dataset.photos) == 3 and len(dataset.account.losses["photos"]) == 1


def test_files_are_chosen_by_name_and_joined(tmp_path: Path) -> None:
    squares = described("a.png", label="square")
    folder = write(tmp_path, {"annotations/x_train.json": AB, "annotations/x_val.json": squares}, *PHOTOS)
    assert [a.label for a in coco.read(folder, files=("x_val.json",)).photos[0].annotations] == ["square"]
    both = coco.read(folder, files=("x_val.json", "annotations/x_train.json"))
    assert [[a.label for a in photo.annotations] for photo in both.photos] == [["disc", "square"], ["disc"]]
    with pytest.raises(DataError, match=r"x\.json: not COCO's format"):
        coco.read(write(tmp_path, {"x.json": b"[]"}), files=("x.json",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_of_byte_order_are_read(encoding: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.json": json.dumps(AB).encode(encoding)}, *PHOTOS)
    assert len(coco.read(folder).photos) == 2


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["a.png", "../a.png"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=VALUES, part=st.sampled_from(["images", "annotations", "categories"]), data=st.data())
def test_whatever_a_value_is_the_file_is_read_or_refused(value: object, part: str, data: Any, tmp_path: Path) -> None:
    changed = json.loads(json.dumps(ABCD))
    changed["annotations"][0]["segmentation"] = [[1, 1, 6, 1, 6, 6]]
    key = data.draw(st.sampled_from([None, *changed[part][0], "iscrowd"]))
    if key is None:
        changed[part][0] = value
    else:
        changed[part][0][key] = value
    try:
        dataset = coco.read(write(tmp_path, {"a.json": changed}, *PHOTOS))
    except DataError as error:
        assert len(str(error).splitlines()) == 1
        return
    for photo in dataset.photos:
        for annotation in photo.annotations:
            x1, y1, x2, y2 = annotation.box
            assert 0 <= x1 < x2 <= photo.width and 0 <= y1 < y2 <= photo.height
            assert photo.mask(annotation).shape == (photo.height, photo.width)
