"""Workflows by Roboflow's client in two versions against real servers; nothing is patched.

`drive_workflows.py` makes the calls of `workflow_calls.py`. What the embedded model finds is compared with what
/invocations answers for the same picture; what blocks make of the fake model's objects was computed by hand.
"""

import base64
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import requests
import skimage.data

from tests.clients import workflow_calls as calls
from tests.clients.inference_clients import (
    NEW,
    VERSIONS,
    Driven,
    address_of,
    bitmap,
    check_same,
    corners,
    expected,
    iou,
    name_of,
    run_client,
)
from tests.clients.stored_models import AREAS, BOXES, KINDS, POSE, renamed, write_embedded, write_store
from tests.clients.workflow_cases import CASES
from tests.conftest import Server, StartServer, encode, pixels_of

DRIVE = Path(__file__).parent / "drive_workflows.py"
DRIVE_SECONDS = 300
SIZES = [(400, 360), (380, 352), (360, 344)]  # of the pictures of a batch: height, width
TILE = 16
RED, GREEN = (255, 0, 0), (0, 255, 0)
EDGE = 16  # pixels beside what changes that a JPEG changes, too
KEY = "workflows/2026+key="

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DRIVE_SECONDS + 100)]


def tiles() -> np.ndarray:
    """320×192 pixels of grey tiles, each of them whole blocks of a JPEG, which keeps their values."""
    grey = np.random.default_rng(0).integers(40, 216, (192 // TILE, 320 // TILE), np.uint8)
    return np.repeat(np.kron(grey, np.ones((TILE, TILE), np.uint8))[..., None], 3, axis=2)


def write_pictures(folder: Path) -> None:
    """Tiles, and photos of the astronaut: three of sizes of their own, and one beside a cat."""
    photo = skimage.data.astronaut()[:400, 40:400]
    (folder / "tiles.png").write_bytes(encode(tiles()))
    (folder / "photo.png").write_bytes(encode(photo))
    (folder / "pair.jpg").write_bytes(encode(np.hstack([photo[:300], skimage.data.chelsea()]), "JPEG", quality=92))
    for number, (height, width) in enumerate(SIZES):
        (folder / f"{number}.png").write_bytes(encode(photo[:height, :width]))


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of named workflows."""
    folder = tmp_path_factory.mktemp("workflows")
    for name, document in calls.NAMED.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="module")
def served(start_server: StartServer, workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The embedded model, and a store of one small model for each task."""
    folder = tmp_path_factory.mktemp("served")
    write_embedded(folder / "model")
    write_store(folder / "store")
    started = start_server(
        MASKSERVE_MODEL=str(folder / "model"),
        MASKSERVE_MODEL_STORE=str(folder / "store"),
    )
    started.wait()
    return started


@pytest.fixture(scope="module")
def fake(start_slow_server: Callable[..., Server], workflows: Path) -> Server:
    """The real server with the fake model."""
    started = start_slow_server(0, MASKSERVE_WORKFLOWS=str(workflows), ENABLE_WORKFLOWS_PROFILING="true")
    started.wait()
    return started


@pytest.fixture(scope="module")
def locked(start_slow_server: Callable[..., Server]) -> Server:
    """The same with a key."""
    started = start_slow_server(0, MASKSERVE_API_KEY=KEY)
    started.wait()
    return started


Drive = Callable[[str], Driven]


@pytest.fixture(scope="module")
def drive(
    served: Server, fake: Server, locked: Server, workflows: Path, tmp_path_factory: pytest.TempPathFactory
) -> Drive:
    """Make all calls of a version, once."""

    @functools.cache
    def drive(version: str) -> Driven:
        folder = tmp_path_factory.mktemp(version)
        (pictures := folder / "pictures").mkdir()
        write_pictures(pictures)
        servers = served.url, fake.url, locked.url
        with address_of(pictures) as address:
            plan = {
                "url": served.url,
                "folder": str(pictures),
                "pictures": address,
                "calls": calls.all_calls(*servers, KEY, version == NEW, workflows, folder / "traces"),
                "filling": calls.FILLING,
                "read by supervision": ["low confidence literal", "without effect literal", "class_filter of none"],
            }
            outcomes = run_client(version, DRIVE, plan, folder, DRIVE_SECONDS)
        return Driven(version, outcomes, pictures, served.url)

    return drive


@pytest.fixture(params=VERSIONS)
def driven(request: pytest.FixtureRequest, drive: Drive) -> Driven:
    return drive(request.param)


@pytest.fixture
def newest(drive: Drive) -> Driven:
    return drive(NEW)


def row(driven: Driven, name: str) -> dict[str, Any]:
    """The outputs of a call of one picture."""
    (one,) = driven.value(name)
    return dict(one)


def picture(driven: Driven, value: dict[str, Any]) -> np.ndarray:
    """The pixels that the client decoded."""
    return pixels_of((driven.folder / value["file"]).read_bytes()).astype(int)


def told(driven: Driven, value: Any) -> Any:
    """The value of an output as `workflow_cases.py` writes it."""
    if isinstance(value, dict) and "file" in value:
        height, width, _ = picture(driven, value).shape
        return f"{width}x{height}"
    if isinstance(value, dict) and "image" in value:
        return [" ".join([one["class"], *(f"{side:.0f}" for side in corners(one))]) for one in value["predictions"]]
    if isinstance(value, dict):
        return {name: told(driven, one) for name, one in value.items()}
    return [told(driven, one) for one in value] if isinstance(value, list) else value


def filled(points: list[dict[str, float]], size: dict[str, int]) -> np.ndarray:
    """The mask of an outline."""
    mask = np.zeros((size["height"], size["width"]), np.uint8)
    cv2.fillPoly(mask, [np.array([[point["x"], point["y"]] for point in points]).round().astype(np.int32)], 1)
    return mask.astype(bool)


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask, without its holes: what an outline shows."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    part = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(part, [max(contours, key=cv2.contourArea)], 1)
    return part.astype(bool)


# -- the segmentation block


@pytest.mark.parametrize("when", ["literal", "run time"])
@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, (_, options, _) in calls.FIELDS.items()], ids=list(calls.FIELDS)
)
def test_a_field_of_the_block(driven: Driven, name: str, options: dict[str, Any], when: str) -> None:
    answer, file = row(driven, f"{name} {when}")["predictions"], driven.folder / "pair.jpg"
    theirs = expected(driven.url, file, **options)
    if name == "model_id":
        theirs = {**theirs, "labels": [renamed(label) for label in theirs["labels"]]}
    check_same(answer, file, theirs)
    for item, rle in zip(answer["predictions"], theirs["masks"], strict=True):
        assert iou(filled(item["points"], answer["image"]), largest(bitmap(rle))) > 0.98
        assert item["parent_id"] == "image"


@pytest.mark.parametrize("when", ["literal", "run time"])
def test_each_field_changes_the_answer(driven: Driven, when: str) -> None:
    def shown(name: str) -> list[Any]:
        found = row(driven, f"{name} {when}")["predictions"]["predictions"]
        return [(item["class"], item["confidence"], item["points"]) for item in found]

    for name, (_, _, other) in calls.FIELDS.items():
        assert (shown(name) != shown(other)) is (name not in ("without effect", "images")), name


@pytest.mark.parametrize("name", [*calls.KINDS_OF_BLOCK, "page's example"])
def test_a_name_of_the_block(driven: Driven, name: str) -> None:
    outputs = row(driven, name)
    members = {"inference_id", "predictions"} | ({"model_id"} if name[-2:] in ("v2", "v3", "v4") else set())
    assert set(outputs["all"]) == members
    assert outputs["all"].get("model_id", "maskrcnn/1") == "maskrcnn/1"
    options: dict[str, Any] = {}
    if name[-2:] in ("v3", "v4"):
        options = {"confidence": None}  # the model's own
    if name == "page's example":
        names = "person"
        options = {"confidence": 0.3, "iou_threshold": 0.4, "class_filter": names, "class_agnostic_nms": "true"}
    check_same(
        outputs["all"]["predictions"],
        driven.folder / "photo.png",
        theirs := expected(driven.url, driven.folder / "photo.png", **options),
    )
    assert len(theirs["labels"]) > 0


@pytest.mark.parametrize(
    ("name", "confidence"), [("best", None), ("default", 0.4), ("custom", 0.9), ("custom at run time", 0.05)]
)
@pytest.mark.parametrize("version", ["v3", "v4"])
def test_modes_of_confidence(driven: Driven, version: str, name: str, confidence: float | None) -> None:
    answer, file = row(driven, f"{version} {name}")["predictions"], driven.folder / "pair.jpg"
    check_same(answer, file, theirs := expected(driven.url, file, confidence=confidence))
    for item, rle in zip(answer["predictions"], theirs["masks"], strict=True):
        assert ("points" in item, item.get("rle_mask")) == ((False, rle) if version == "v4" else (True, None))


def test_nothing_found_has_its_size(driven: Driven) -> None:
    answer = row(driven, "class_filter of none")["predictions"]
    assert answer == {"image": {"width": 811, "height": 300}, "predictions": []}


@pytest.mark.parametrize("name", ["low confidence literal", "without effect literal"])
def test_supervision_reads_an_answer(driven: Driven, name: str) -> None:
    found, answer = driven.value(f"supervision: {name}"), row(driven, name)["predictions"]
    assert found["classes"] == [item["class"] for item in answer["predictions"]] != []
    np.testing.assert_allclose(found["boxes"], [corners(item) for item in answer["predictions"]], atol=1)
    masks = np.load(driven.folder / found["masks"])
    for mask, item in zip(masks, answer["predictions"], strict=True):
        assert iou(mask.astype(bool), filled(item["points"], answer["image"])) > 0.95


def test_supervision_reads_nothing(driven: Driven) -> None:
    assert driven.value("supervision: class_filter of none")["boxes"] == []


# -- pictures in and out


@pytest.mark.parametrize("form", ["path", "ndarray", "pil", "base64", "url"])
def test_a_picture(driven: Driven, form: str) -> None:
    answer = row(driven, f"picture as {form}")["predictions"]
    theirs = expected(driven.url, driven.folder / "photo.png")
    assert answer["image"] == {"width": 360, "height": 400}
    if form in ("path", "base64", "url"):
        check_same(answer, driven.folder / "photo.png", theirs)
    else:  # the client makes a JPEG of it
        assert [item["class"] for item in answer["predictions"]][:1] == [name_of(theirs["labels"][0])]


def test_a_batch(driven: Driven) -> None:
    rows = driven.value("batch")
    assert len(rows) == len(SIZES)
    for number, one in enumerate(rows):
        height, width = SIZES[number]
        file = driven.folder / f"{number}.png"
        check_same(one["predictions"], file, expected(driven.url, file))
        assert {item["parent_id"] for item in one["predictions"]["predictions"]} == {f"image.[{number}]"}
        assert told(driven, one["drawn"]) == f"{width}x{height}"
        assert told(driven, one["other"]) == "64x32"  # a batch of one is there for all
        assert told(driven, one["crops"]) == [
            f"{right - left}x{bottom - top}"
            for left, top, right, bottom in (
                np.rint(corners(item)).astype(int) for item in one["predictions"]["predictions"]
            )
        ]


def test_a_batch_of_batches(newest: Driven) -> None:
    rows = newest.value("lists of lists")
    sizes = [[one["image"]["height"] for one in row["it"]] for row in rows]
    assert sizes == [[400, 380], [360]]
    assert [item["parent_id"] for item in rows[1]["it"][0]["predictions"]] == ["parts.[1].[0]"] * 2


@pytest.mark.parametrize("form", ["base64", "numpy", "pillow"])
def test_a_picture_in_each_form(driven: Driven, form: str) -> None:
    one = row(driven, f"drawn as {form}")
    for value in (one["drawn"], *one["crops"]):
        if form == "base64":
            assert isinstance(value, str) and base64.b64decode(value)[:3] == b"\xff\xd8\xff"
        else:
            assert (value["type"], value["mode"]) == (form, "uint8" if form == "numpy" else "RGB")
    numpy = picture(driven, row(driven, "drawn as numpy")["drawn"])
    same = pixels_of(base64.b64decode(one["drawn"])) if form == "base64" else picture(driven, one["drawn"])
    assert np.abs(same - numpy).max() <= 6  # of two decoders
    assert same.shape == (400, 360, 3)


# -- blocks on what the fake model finds


@pytest.mark.parametrize("name", CASES)
def test_a_block(driven: Driven, name: str) -> None:
    outputs = row(driven, f"block: {name}")
    assert {key: told(driven, value) for key, value in outputs.items()} == CASES[name].expected


def test_crops_are_the_pixels_of_the_picture(driven: Driven) -> None:
    whole = tiles().astype(int)
    for crop, left in zip(row(driven, "block: crop")["crops"], (0, 160), strict=True):
        assert np.abs(picture(driven, crop) - whole[:, left : left + 160]).max() <= 3
    for pair, start in zip(row(driven, "block: nested own")["deep"], (0, 160), strict=True):
        for crop, left in zip(pair, (start, start + 80), strict=True):
            assert np.abs(picture(driven, crop) - whole[:, left : left + 80]).max() <= 3
    for name in ("absolute crop", "relative crop"):
        assert np.abs(picture(driven, row(driven, f"block: {name}")["it"]) - whole[80:112, 48:112]).max() <= 3


def test_a_crop_without_its_background(driven: Driven) -> None:
    one = row(driven, "cut out")
    (item,), (crop,) = one["predictions"]["predictions"], one["crops"]
    left, top, right, bottom = np.rint(corners(item)).astype(int)
    (rle,) = expected(driven.url, driven.folder / "photo.png", max_detections=1)["masks"]
    mask = bitmap(rle)[top:bottom, left:right].astype(np.uint8)
    inside, outside = (cv2.erode(part, np.ones((33, 33))).astype(bool) for part in (mask, 1 - mask))
    found = picture(driven, crop)
    photo = pixels_of((driven.folder / "photo.png").read_bytes())[top:bottom, left:right]
    assert inside.sum() > 1000 < outside.sum()
    assert np.abs(found - GREEN)[outside].max() < 12
    assert np.abs(found - photo)[inside].mean() < 4


def test_members_of_what_was_found_in_crops(driven: Driven) -> None:
    for system in ("parent", "own"):
        outer = row(driven, f"block: nested {system}")
        deep = outer["innermost"][1][1]
        assert deep["image"] == ({"width": 80, "height": 192} if system == "own" else {"width": 320, "height": 192})
        for item in deep["predictions"]:
            if system == "own":
                assert item["root_parent_id"] == "image"
                assert item["parent_origin"] == {"offset_x": 80, "offset_y": 0, "width": 160, "height": 192}
                assert item["root_parent_origin"] == {"offset_x": 240, "offset_y": 0, "width": 320, "height": 192}
            xs = [point["x"] for point in item["points"]]
            left, _, right, _ = corners(item)
            assert left - 1 <= min(xs) <= max(xs) <= right + 1


def test_areas_of_masks(driven: Driven) -> None:
    """The fake model's masks are stretched from 28 pixels, and fill their boxes but for an edge."""
    answer = row(driven, "block: areas of masks")["it"]
    for item in answer["predictions"]:
        area = int(filled(item["points"], answer["image"]).sum())
        assert 0.98 * 160 * 192 < area < 160 * 192
        assert (item["area_px"], item["area_converted"]) == (area, area / 4)


# -- what blocks draw: the person, in the right half of the tiles


def drawn(driven: Driven, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What a step drew on the tiles, and by how much each pixel changed."""
    found = picture(driven, row(driven, f"drawn: {name}")["it"])
    assert found.shape == (192, 320, 3)
    return found, np.abs(found - tiles()).max(axis=2)


@pytest.mark.parametrize(
    ("name", "left", "right", "color"),
    [
        ("mask", 160, 320, RED),
        ("mask half", 160, 320, RED),
        ("background", 0, 160, GREEN),
        ("background half", 0, 160, GREEN),
    ],
)
def test_colors_are_mixed(driven: Driven, name: str, left: int, right: int, color: tuple[int, int, int]) -> None:
    found, change = drawn(driven, name)
    share = 0.5 if name.endswith("half") else 1.0
    inside = np.zeros(change.shape, bool)
    inside[EDGE:-EDGE, left + EDGE : right - EDGE] = True
    outside = np.zeros(change.shape, bool)
    outside[EDGE:-EDGE] = True
    outside[:, max(left - EDGE, 0) : right + EDGE] = False
    mixed = (1 - share) * tiles() + share * np.array(color)
    assert np.abs(found - mixed)[inside].max() <= 6
    assert change[outside].max() <= 3


@pytest.mark.parametrize("name", ["box", "polygon", "polygon v2"])
def test_lines_are_drawn_around(driven: Driven, name: str) -> None:
    found, change = drawn(driven, name)
    thickness = 4
    red = (found[..., 0] > 180) & (found[..., 1] < 90)
    assert red[96, 158:166].any() and red[2, 240] and red[96, 318] and red[189, 240]
    assert change[:, : 160 - EDGE].max() <= 3 and change[EDGE + thickness : -EDGE - thickness, 180:300].max() <= 3


def test_a_label_is_drawn_where_it_is_asked_for(driven: Driven) -> None:
    for name, top in (("label", 96), ("label below", 170)):
        _, change = drawn(driven, name)
        assert change[top - 6 : top + 6, 225:255].max() > 60, name
        assert change[:, : 160 - EDGE].max() <= 3
        assert change[20:60, 170:310].max() <= 3, name
    assert (drawn(driven, "label large")[1] > 60).sum() > 2 * (drawn(driven, "label")[1] > 60).sum()


def test_blur(driven: Driven) -> None:
    found, change = drawn(driven, "blur")
    blurred = cv2.blur(tiles(), (15, 15)).astype(int)
    assert change[:, : 160 - EDGE].max() <= 3
    assert change[:, 160 + EDGE : -EDGE].mean() > 5
    assert np.abs(found - blurred)[EDGE:-EDGE, 160 + EDGE : -EDGE].mean() < 3


def test_pixels(driven: Driven) -> None:
    found, change = drawn(driven, "pixels")
    assert change[:, : 160 - EDGE].max() <= 3
    means = tiles()[:, 160:].reshape(6, 32, 5, 32, 3).mean(axis=(1, 3))
    assert np.abs(found[16::32, 160 + 16 :: 32] - means).max() <= 6


def test_a_halo_lies_around(driven: Driven) -> None:
    _, change = drawn(driven, "halo")
    assert change[96, 140:156].max() > 20
    assert change[:, :80].max() <= 3 and change[EDGE:-EDGE, 160 + EDGE : -EDGE].max() <= 3


def test_a_crop_is_shown_in_the_picture(driven: Driven) -> None:
    found, change = drawn(driven, "crop")
    assert change[:, : 160 - EDGE].max() <= 3
    assert change[60:130, 210:270].mean() > 10
    assert change[4:20, 200:300].max() <= 3


def test_a_picture_that_is_not_copied_is_drawn_on_again(driven: Driven) -> None:
    one = row(driven, "drawn twice")
    apart, together = (np.abs(picture(driven, one[name]) - tiles()).max(axis=2) for name in ("apart", "together"))
    assert (apart[:, 16:144].max() <= 3, together[40:150, 16:144].max() > 60) == (True, True)


# -- models of each task


def test_boxes_alone(driven: Driven) -> None:
    answer, file = row(driven, "boxes")["predictions"], driven.folder / "photo.png"
    check_same(answer, file, expected(driven.url, file, masks="none", scores=True))
    assert all("points" not in item for item in answer["predictions"])


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_boxes_of_a_detector(driven: Driven, version: str) -> None:
    answer = row(driven, f"{BOXES} {version}")["predictions"]
    ours = asked(driven, "object_detection", BOXES, confidence=0.01, max_detections=3)
    assert without_ids(answer) == without_ids(ours)
    assert len(answer["predictions"]) == 3


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_keypoints(driven: Driven, version: str) -> None:
    answer = row(driven, f"{POSE} {version}")["predictions"]
    ours = asked(driven, "keypoints_detection", POSE, confidence=0.01, max_detections=3)
    assert without_ids(answer) == without_ids(ours)
    assert [len(item["keypoints"]) for item in answer["predictions"]] == [17] * 3


def asked(driven: Driven, task: str, model: str, **fields: Any) -> dict[str, Any]:
    """What v1 answers for the photo."""
    image = {"type": "base64", "value": base64.b64encode((driven.folder / "photo.png").read_bytes()).decode()}
    body = {"model_id": model, "image": image, **fields}
    answer: dict[str, Any] = requests.post(f"{driven.url}/infer/{task}", json=body, timeout=60).json()
    return answer


def without_ids(answer: dict[str, Any]) -> list[Any]:
    """What is the same in two answers, rounded."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rounded(one) for key, one in sorted(value.items()) if key not in ("detection_id", "parent_id")}
        if isinstance(value, list):
            return [rounded(one) for one in value]
        return round(value, 2) if isinstance(value, float) else value

    return [rounded(item) for item in answer["predictions"]]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_classes(driven: Driven, version: str) -> None:
    answer = row(driven, f"{KINDS} {version}")["predictions"]
    ours = asked(driven, "classification", KINDS, confidence=0.01)
    assert without_ids(answer) == without_ids(ours)
    assert answer["top"] == ours["top"] and abs(answer["confidence"] - ours["confidence"]) < 0.001


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_areas(driven: Driven, version: str) -> None:
    answer = row(driven, f"{AREAS} {version}")["predictions"]
    ours = asked(driven, "semantic_segmentation", AREAS)["predictions"]
    numbers = pixels_of(base64.b64decode(ours["segmentation_mask"]))
    assert [item["class_id"] for item in answer["predictions"]] == [one for one in ours["present_class_ids"] if one]
    for item in answer["predictions"]:
        assert item["class"] == ours["class_map"][str(item["class_id"])]
        np.testing.assert_array_equal(bitmap(item["rle_mask"]), numbers == item["class_id"])


def test_classes_of_crops_replace_those_of_detections(driven: Driven) -> None:
    one = row(driven, "classes replaced")
    found, tops = one["replaced"]["predictions"], [crop["top"] for crop in one["kinds"]]
    assert [item["class"] for item in found] == tops != []
    before = [corners(item) for item in one["found"]["predictions"]]
    np.testing.assert_allclose([corners(item) for item in found], before)


def test_segment_anything(driven: Driven) -> None:
    one = row(driven, "sam")
    boxes, masks = one["boxes"]["predictions"], one["masks"]["predictions"]
    assert len(boxes) > 0 and {item["class"] for item in masks} <= {item["class"] for item in boxes}
    assert all(len(item["points"]) >= 3 for item in masks)


# -- workflows by name, and what a request may ask for


def test_count_objects(driven: Driven) -> None:
    file = driven.folder / "photo.png"
    one, theirs = row(driven, "count-objects"), expected(driven.url, file)
    assert set(one) == {"predictions", "count_objects", "output_image"}
    assert one["count_objects"] == len(theirs["labels"]) > 0
    check_same(one["predictions"], file, theirs)
    change = np.abs(picture(driven, one["output_image"]) - pixels_of(file.read_bytes())).max(axis=2)
    near = np.zeros(change.shape, np.uint8)
    for left, top, right, bottom in np.asarray(theirs["boxes"]).astype(int):
        near[max(top - 20, 0) : bottom + 20, max(left - 20, 0) : right + 20] = 1
        near[max(top - 60, 0) : top + 60, max(left - 20, 0) : right + 220] = 1  # the label
    assert (change > 60).mean() > 0.002
    assert change[near == 0].mean() < 8  # what a JPEG changes of a photo


def test_blur_people(driven: Driven) -> None:
    one = row(driven, "blur-people")
    assert set(one) == {"predictions", "count_objects", "output_image"}
    photo = pixels_of((driven.folder / "photo.png").read_bytes()).astype(int)
    theirs = expected(driven.url, driven.folder / "photo.png", class_filter="person")
    mask = np.any([bitmap(rle) for rle in theirs["masks"]], axis=0)
    change = np.abs(picture(driven, one["output_image"]) - photo).max(axis=2)
    assert change[mask].mean() > 2 * change[~mask].mean()


def test_a_workflow_of_the_folder(driven: Driven) -> None:
    """Any workspace, both routes, whatever `use_cache` says, and in v0."""
    assert {name: row(driven, name) for name in calls.RUN_BY_NAME} == dict.fromkeys(calls.RUN_BY_NAME, {"count": 2})


def test_a_file_that_changes_is_read_again(driven: Driven) -> None:
    assert row(driven, "before the change") == {"count": 2}
    assert row(driven, "after the change") == {"classes": ["horse", "person"]}


def test_a_version_of_a_workflow(newest: Driven) -> None:
    assert row(newest, "version that there is") == {"classes": ["horse", "person"]}
    assert row(newest, "version that there is not") == {"count": 2}


def test_legacy_routes_and_v0(driven: Driven) -> None:
    assert row(driven, "infer_from_workflow") == row(driven, "in v0") == {"it": 2}
    assert row(driven, "no sinks" if driven.version == NEW else "in v0") == {"it": 2}


def test_excluded_fields(driven: Driven) -> None:
    assert set(row(driven, "excluded_fields")) == {"first"}


def test_a_default_value(driven: Driven) -> None:
    assert told(driven, row(driven, "default value")["it"]) == ["horse 0 0 160 192"]


def test_the_trace_of_a_run(driven: Driven) -> None:
    row(driven, "profiled")
    (file,) = driven.folder.parent.glob("traces/workflow_execution_tack_*.json")
    events = json.loads(file.read_text())
    assert all({"name", "ph", "pid", "tid", "ts"} <= set(one) for one in events)
    for phase in "BE":
        names = [one["name"] for one in events if one["ph"] == phase]
        assert [names.count(name) for name in ("workflow_run", "seg", "it")] == [1, 1, 1]
    assert [one["ts"] for one in events] == sorted(one["ts"] for one in events)


def test_keys(driven: Driven, locked: Server) -> None:
    ways = ["key", "key by name", *(("key by header", "key by both") if driven.version == NEW else ())]
    for way in ways:
        assert row(driven, f"right {way}")
        assert driven.error(f"wrong {way}")[:2] == ("HTTPCallErrorError", 401)
    assert KEY not in locked.log.read_text()


# -- the page


def test_the_page_as_it_is_printed(driven: Driven) -> None:
    kind, status, message = driven.error("page as printed")
    assert (kind, status) == ("HTTPCallErrorError", 400)
    assert "steps" in message and "outputs" in message


@pytest.mark.parametrize("form", ["path", "ndarray"])
def test_the_page_with_its_gap_filled(driven: Driven, form: str) -> None:
    answer = row(driven, f"page with {form}")["predictions"]
    theirs = expected(driven.url, driven.folder / "photo.png")
    assert [item["class"] for item in answer["predictions"]][:1] == [name_of(theirs["labels"][0])]


# -- errors


@pytest.mark.parametrize("name", calls.ERRORS)
def test_an_error(driven: Driven, name: str) -> None:
    one = calls.ERRORS[name]
    kind, status, message = driven.error(f"error: {name}")
    assert (kind, status) == ("HTTPCallErrorError", one.status), message
    for word in one.words:
        assert word in message
    assert "Traceback" not in message and "More details: None" not in message


@pytest.mark.parametrize("name", [name for name, one in calls.ERRORS.items() if one.type])
def test_the_body_of_an_error(fake: Server, name: str) -> None:
    one = calls.ERRORS[name]
    image = {"type": "base64", "value": base64.b64encode(encode(tiles())).decode()}
    inputs = {name: [image] * len(value) if isinstance(value, list) else image for name, value in one.images.items()}
    body = {"specification": one.document, "inputs": inputs | one.parameters}
    response = requests.post(f"{fake.url}/workflows/run", json=body, timeout=60)
    answer = response.json()
    assert (response.status_code, answer["error_type"]) == (one.status, one.type)
    assert answer["context"].startswith("workflow_")
    assert None not in answer.values()
    if one.block:
        assert answer["blocks_errors"][0]["block_id"] == one.block


def test_a_name_without_a_workflow(driven: Driven) -> None:
    kind, status, message = driven.error("error: unknown name")
    assert (kind, status) == ("HTTPCallErrorError", 404)
    assert "nothing-of-the-kind" in message and "count-objects" in message


def test_what_the_client_refuses_itself(driven: Driven) -> None:
    assert driven.error("neither name nor specification")[0] == "InvalidParameterError"
