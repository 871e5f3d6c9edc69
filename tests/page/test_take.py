"""Every file that the page gives holds what it shows, and is read by what such files are for."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, expect
from pycocotools.coco import COCO

from tests.clients.inference_clients import bitmap, iou, name_of
from tests.conftest import Server, encode, pixels_of
from tests.page.conftest import Opener
from tests.page.driving import answered
from tests.page.taking import choose, download, give, set_options, shown

LOOK: dict[str, Any] = {"opacity": 0.3, "colors": "instance", "draw_labels": False, "draw_outlines": False}


@pytest.fixture
def photo(scene: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "a scene.jpg"
    path.write_bytes(scene)
    return path


def asked(server: Server, photo: Path, accept: str, **options: Any) -> bytes:
    """What the server answers to a program that asks for the options that the page shows."""
    headers = {"Accept": accept, "X-Amzn-SageMaker-Custom-Attributes": json.dumps(options)}
    response = requests.post(server.url + "/invocations", photo.read_bytes(), headers=headers, timeout=60)
    assert response.status_code == 200, response.text
    return response.content


def masks_of(answer: dict[str, Any]) -> list[np.ndarray]:
    return [bitmap(mask) for mask in answer["masks"]]


@pytest.mark.slow
def test_files_of_the_embedded_model(server: Server, open_page: Opener, photo: Path, tmp_path: Path) -> None:
    """At another confidence, with a class switched off and another look: pictures, JSON, COCO and LabelMe."""
    page = open_page(server)
    give(page, photo)
    set_options(page, confidence=0.2, off="person", **LOOK)
    labels = {name_of(label) for label in answered(page)["labels"]} - {"person"}
    options: dict[str, Any] = {"confidence": 0.2, "class_filter": sorted(labels)}
    answer = shown(page, tmp_path)
    assert answer == json.loads(asked(server, photo, "application/json", masks="rle", **options)) and answer["labels"]

    for name, render in {"Overlay": "overlay", "Cutout": "cutout", "Ids": "ids"}.items():
        file = download(page, name, tmp_path)
        theirs = asked(server, photo, "image/png", render=render, draw_boxes=False, **options, **LOOK)
        assert file.name == f"a scene.{render}.png" and file.read_bytes() == theirs
    numbers = pixels_of((tmp_path / "a scene.ids.png").read_bytes())
    assert numbers.dtype == np.uint16 and set(np.unique(numbers)) <= set(range(len(answer["labels"]) + 1))

    masks = masks_of(answer)
    for form in ("Run lengths", "Polygons"):
        page.get_by_label("Masks in COCO").select_option(form)
        coco = COCO(str(download(page, "COCO", tmp_path)))
        (image,) = coco.imgs.values()
        assert image == {"id": 1, "file_name": "a scene.jpg", "width": 768, "height": 512}
        for one, label, score, box, mask in zip(
            coco.loadAnns(coco.getAnnIds()), answer["labels"], answer["scores"], answer["boxes"], masks, strict=True
        ):
            assert (coco.cats[one["category_id"]]["name"], one["score"]) == (name_of(label), score)
            np.testing.assert_allclose(one["bbox"], [*box[:2], box[2] - box[0], box[3] - box[1]], atol=1e-3)
            np.testing.assert_array_equal(coco.annToMask(one).astype(bool), mask)
            assert one["area"] == mask.sum() and isinstance(one["segmentation"], list) is (form == "Polygons")

    document = read_labelme(download(page, "LabelMe", tmp_path))
    assert (document["imagePath"], document["imageData"]) == ("a scene.jpg", None)
    check_shapes(document, answer)
    page.get_by_label("Photo inside LabelMe").check()
    document = read_labelme(download(page, "LabelMe", tmp_path))
    assert base64.b64decode(document["imageData"]) == photo.read_bytes()


def read_labelme(file: Path) -> dict[str, Any]:
    """A file of LabelMe, with all that LabelMe 6.3.1 asks of one."""
    document: dict[str, Any] = json.loads(file.read_text())
    assert {type(document[side]) for side in ("imageHeight", "imageWidth")} == {int}
    assert isinstance(document["imagePath"], str) and isinstance(document["flags"], dict) and "imageData" in document
    for shape in document["shapes"]:
        assert isinstance(shape["label"], str) and shape["shape_type"] in ("polygon", "rectangle", "point")
        assert shape["points"] and all(len(point) == 2 for point in shape["points"])
        assert isinstance(shape["flags"], dict) and isinstance(shape["description"], str)
        assert shape["group_id"] is None or isinstance(shape["group_id"], int)
    return document


def check_shapes(document: dict[str, Any], answer: dict[str, Any]) -> None:
    """Assert that the polygons cover the masks, one or more an object in its order."""
    masks, shapes = masks_of(answer), list(document["shapes"])
    for label, mask in zip(answer["labels"], masks, strict=True):
        parts = [shapes.pop(0)]
        while parts[0]["group_id"] is not None and shapes and shapes[0]["group_id"] == parts[0]["group_id"]:
            parts.append(shapes.pop(0))
        drawn = np.zeros(mask.shape, np.uint8)
        for part in parts:
            assert part["label"] == name_of(label)
            cv2.fillPoly(drawn, [np.round(np.array(part["points"]) - 0.5).astype(np.int32)], [1])
        assert iou(drawn.astype(bool), mask) > 0.9
    assert not shapes


def test_one_object_and_several_photos(
    fake_server: Server, open_page: Opener, photo: Path, small_png: bytes, tmp_path: Path
) -> None:
    small = tmp_path / "small.png"
    small.write_bytes(small_png)
    page = open_page(fake_server)
    give(page, photo, small)
    coco = COCO(str(download(page, "COCO", tmp_path)))
    assert [image["file_name"] for image in coco.imgs.values()] == ["a scene.jpg", "small.png"]
    assert len(coco.anns) == 4 and {one["image_id"] for one in coco.anns.values()} == {1, 2}
    assert [one["name"] for one in coco.cats.values()] == ["person", "horse"]

    expect(page.get_by_role("button", name="Object", exact=True)).to_have_count(0)
    page.evaluate("maskserve.app.select(0)")
    picture = pixels_of(download(page, "Object", tmp_path).read_bytes())
    (mask, _), whole = masks_of(answered(page)), pixels_of(small_png)
    (rows, columns) = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_array_equal(picture[..., 3], np.where(mask[part], 255, 0))
    np.testing.assert_array_equal(picture[..., :3][mask[part]], whole[part][mask[part]])


def test_a_turned_photo_inside_labelme(fake_server: Server, open_page: Opener, tmp_path: Path) -> None:
    """LabelMe compares the size of what is inside with the one that is written, and does not turn it."""
    pixels = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    photo = tmp_path / "turned.jpg"
    photo.write_bytes(encode(pixels, "JPEG", exif=exif))
    page = open_page(fake_server)
    give(page, photo)
    page.get_by_label("Photo inside LabelMe").check()
    document = read_labelme(download(page, "LabelMe", tmp_path))
    inside = Image.open(io.BytesIO(base64.b64decode(document["imageData"])))
    assert inside.size == (document["imageWidth"], document["imageHeight"]) == (40, 60)
    assert not inside.getexif()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_are_no_barriers(
    scheme: Literal["light", "dark"],
    fake_server: Server,
    open_page: Opener,
    axe: Callable[[Page], list[str]],
    photo: Path,
) -> None:
    page = open_page(fake_server, scheme=scheme)
    give(page, photo)
    page.evaluate("maskserve.app.select(0)")
    assert axe(page) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "missing"),
    [("areas", []), ("pose", ["Cutout", "Ids"]), ("kinds", ["Cutout", "Ids", "COCO", "LabelMe"])],
)
def test_files_of_other_models(
    model: str, missing: list[str], tiny_models: Server, open_page: Opener, photo: Path, tmp_path: Path
) -> None:
    page = open_page(tiny_models)
    choose(page, model)
    give(page, photo)
    confidence = answered(page)["scores"][:3][-1]  # keypoints of hundreds of people take their time
    set_options(page, confidence=confidence)
    answered(page)
    answer = shown(page, tmp_path)
    assert answer["labels"]
    for name in ("Overlay", "Cutout", "Ids", "COCO", "LabelMe"):
        if name in missing:
            expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
            continue
        file = download(page, name, tmp_path)
        if file.suffix == ".png":
            assert pixels_of(file.read_bytes()).shape[:2] == (512, 768)  # equal to the server's: see above
        elif name == "COCO":
            check_coco(COCO(str(file)), answer)
        else:
            shapes = read_labelme(file)["shapes"]
            assert len([shape for shape in shapes if shape["shape_type"] == "point"]) == points_of(answer)


def check_coco(coco: COCO, answer: dict[str, Any]) -> None:
    """Assert that areas have the masks of the answer, and people their keypoints."""
    assert len(coco.anns) == len(answer["labels"])
    for one, mask in zip(coco.anns.values(), answer.get("masks", []), strict=False):
        np.testing.assert_array_equal(coco.annToMask(one).astype(bool), bitmap(mask))
    points = sum(one.get("num_keypoints", 0) for one in coco.anns.values())
    assert points == points_of(answer)
    if points:
        assert coco.cats[1]["keypoints"][0] == "nose" and len(coco.cats[1]["keypoints"]) == 17


def points_of(answer: dict[str, Any]) -> int:
    """How many keypoints an answer has."""
    return sum(map(len, answer.get("keypoints", [])))


@pytest.mark.parametrize("kind", ["random", "blobs", "ring", "full", "dot"])
def test_polygons_are_exact(kind: str, fake_server: Server, open_page: Opener) -> None:
    """Of masks with holes, holes in parts in holes, and pixels that share but a corner, as pycocotools fills them."""
    from pycocotools import mask as coco_masks

    mask = MASKS[kind]
    page: Page = open_page(fake_server)
    rle = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    found = page.evaluate(
        """async (rle) => {
            const { decode } = await import("./page/rle.js");
            const { polygons } = await import("./page/trace.js");
            return polygons(decode(rle)).map((points) => points.flat());
        }""",
        {"size": list(mask.shape), "counts": rle["counts"].decode()},
    )
    drawn = coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(found, *mask.shape)))
    np.testing.assert_array_equal(drawn.astype(bool), mask)


def _masks() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:90, :120]
    distance = np.hypot(rows - 45, columns - 60)
    dot = np.zeros((5, 7), bool)
    dot[4, 6] = True
    return {
        "random": random.random((60, 80)) < 0.5,
        "blobs": cv2.GaussianBlur(random.random((90, 120)), (0, 0), 3) > 0.5,
        "ring": (distance < 40) & (distance > 30) | (distance < 20) & (distance > 10) | (distance < 4),
        "full": np.ones((3, 4), bool),
        "dot": dot,
    }


MASKS = _masks()
