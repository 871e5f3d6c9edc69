"""Roboflow's client in two versions against real servers, led to them by its arguments alone; nothing is patched.

`drive_inference_sdk.py` makes the calls, in the virtual environment of each version. Here what came of them is compared
with what /invocations answers for the same bytes.
"""

import base64
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import skimage.data

from tests.clients.inference_clients import (
    NEW,
    OLD,
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
from tests.clients.stored_models import AREAS, BOXES, CATS, KINDS, POSE, STEPS, renamed, write_embedded, write_store
from tests.conftest import Server, StartServer, encode, pixels_of

KEY = "laptop-key/2026+a="
SERVED, ALIAS = "maskrcnn/1", "coco-dataset-vdnr1/2"  # the client asks for the latter when it is asked for ALIASED
ALIASED = "yolov8n-seg-640"
SEGMENTATION = "instance-segmentation"
WITH_ASYNC = ["", "_async"]
DRIVE = Path(__file__).parent / "drive_inference_sdk.py"
DRIVE_SECONDS = 900  # it took 430 on two cores that five other processes used, and 137 of processor time

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DRIVE_SECONDS + 100)]


def write_pictures(folder: Path) -> None:
    """Photos of the astronaut, in one beside a cat, in five cut to sizes of their own, in one stored lying down."""
    photo = skimage.data.astronaut()[:400, 40:400]
    lying = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    (folder / "photo.jpg").write_bytes(encode(photo, "JPEG", quality=92))
    (folder / "photo.png").write_bytes(encode(photo))
    (folder / "pair.jpg").write_bytes(encode(np.hstack([photo[:300], skimage.data.chelsea()]), "JPEG", quality=92))
    (folder / "turned.jpg").write_bytes(encode(np.rot90(photo).copy(), "JPEG", exif=lying))
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(encode(photo[: 400 - 20 * number, : 360 - 8 * number], "JPEG"))


Drive = Callable[[str], Driven]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    return folder


@pytest.fixture(scope="module")
def served(start_server: StartServer, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The embedded model, a store, and an alias."""
    folder = tmp_path_factory.mktemp("served")
    write_embedded(folder)
    started = start_server(
        MASKSERVE_MODEL=str(folder),
        MASKSERVE_MODEL_STORE=str(store),
        MASKSERVE_MODEL_ALIASES=f"{ALIAS}={SERVED}",
    )
    started.wait()
    return started


@pytest.fixture(scope="module")
def stored(start_server: StartServer, store: Path) -> Iterator[Server]:
    """A multi-model server of the store, whose /invocations says what its models find."""
    started = start_server(SAGEMAKER_MULTI_MODEL="true")
    (started.log.parent / "models").symlink_to(store)
    started.wait()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def locked(start_slow_server: Callable[..., Server]) -> Server:
    """The real server with a fake model and a key."""
    started = start_slow_server(0, MASKSERVE_API_KEY=KEY)
    started.wait()
    return started


@pytest.fixture(scope="module")
def drive(served: Server, locked: Server, tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Make all calls of a version, once."""

    @functools.cache
    def drive(version: str) -> Driven:
        folder = tmp_path_factory.mktemp(version)
        (pictures := folder / "pictures").mkdir()
        write_pictures(pictures)
        with address_of(pictures) as address:
            plan = {"url": served.url, "locked": locked.url, "key": KEY, "folder": str(pictures), "pictures": address}
            outcomes = run_client(version, DRIVE, plan, folder, DRIVE_SECONDS)
        return Driven(version, outcomes, pictures, served.url)

    return drive


@pytest.fixture(params=VERSIONS)
def driven(request: pytest.FixtureRequest, drive: Drive) -> Driven:
    return drive(request.param)


@pytest.fixture
def newest(drive: Drive) -> Driven:
    return drive(NEW)


@pytest.fixture
def older(drive: Drive) -> Driven:
    return drive(OLD)


# -- the registry


def test_server_info(driven: Driven) -> None:
    info = requests.get(driven.url + "/info", timeout=10).json()
    assert driven.value("get_server_info") == driven.value("page: server") == info


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_the_registry(driven: Driven, suffix: str) -> None:
    served, cats = (SERVED, SEGMENTATION), (CATS, SEGMENTATION)
    assert driven.models(f"list_loaded_models{suffix} of none") == []
    kind, _, message = driven.error(f"get_model_description{suffix} of what is not loaded")
    assert kind == "ModelNotInitializedError" and CATS in message
    row = driven.value(f"get_model_description{suffix} loads")
    assert row == driven.value(f"get_model_description{suffix} of what is loaded")
    sides = {"batch_size": None, "input_height": None, "input_width": None}
    assert row == {"model_id": CATS, "task_type": SEGMENTATION, **sides}
    assert sorted(driven.models(f"load_model{suffix}")) == [cats, served]
    assert driven.value(f"selected_model before{suffix}") is None
    assert sorted(driven.models(f"load_model{suffix} as default")) == [cats, served]
    assert driven.value(f"selected_model{suffix}") == CATS
    assert sorted(driven.models(f"list_loaded_models{suffix}")) == [cats, served]
    assert driven.models(f"unload_model{suffix}") == [served]
    assert driven.value(f"selected_model after{suffix}") is None
    assert driven.models(f"unload_all_models{suffix}") == driven.models("unload_all_models at first") == []
    assert len(driven.models(f"unload what is not loaded{suffix}")) > 0


# -- pictures, lists, streams


@pytest.mark.parametrize("kind", ["path", "png", "url", "ndarray", "pil", "base64"])
@pytest.mark.parametrize("suffix", WITH_ASYNC)
@pytest.mark.parametrize("method", ["infer", "infer_from_api_v0", "infer_from_api_v1"])
def test_a_picture(driven: Driven, method: str, suffix: str, kind: str) -> None:
    driven.check(f"{method}{suffix} {kind}")
    assert "person" in [item["class"] for item in driven.value(f"{method}{suffix} {kind}")["predictions"]]


@pytest.mark.parametrize(
    "name",
    [
        *(f"infer list {batch} {together}" for batch in (1, 2, 8) for together in (1, 2, 4)),
        *(f"infer_async list {batch} {together}" for batch, together in ((1, 4), (2, 2), (8, 1))),
        *(f"infer_from_api_v0{suffix} list {together}" for suffix in WITH_ASYNC for together in (1, 4)),
    ],
)
def test_a_list_keeps_its_order(driven: Driven, name: str) -> None:
    driven.check(name)
    assert [answer["image"]["height"] for answer in driven.value(name)] == [400, 380, 360, 340, 320]


def test_a_list_of_one_is_answered_by_one(driven: Driven) -> None:
    driven.check("infer list of one")
    assert isinstance(driven.value("infer list of one"), dict)


@pytest.mark.parametrize(
    ("name", "references"),
    [("film", [0, 1, 2]), ("folder", ["0.jpg", "1.png"]), ("bmp", ["2.bmp"])],
    ids=["film", "folder", "other-ending"],
)
def test_a_stream(driven: Driven, name: str, references: list[Any]) -> None:
    found = driven.value(f"infer_on_stream {name}")
    assert sorted(reference for reference, _ in found) == references
    for (_, prediction), file in zip(found, driven.outcomes[f"infer_on_stream {name}"]["sent"], strict=True):
        check_same(prediction, driven.folder / file, expected(driven.url, driven.folder / file))


# -- states and configurations


@pytest.mark.parametrize(
    ("block", "inside", "confidence"),
    [
        ("use_api_v0", ["v0", None, None], 0.4),
        ("use_model", ["v1", SERVED, None], 0.4),
        ("use_configuration", ["v1", None, 0.9], 0.9),
    ],
)
def test_a_block_restores_what_was(driven: Driven, block: str, inside: list[Any], confidence: float) -> None:
    before = ["v1", None, None]
    assert [driven.value(name) for name in ("state at first", f"{block} inside")] == [before, inside]
    driven.check(f"{block} infer", confidence=confidence)
    assert driven.value(f"{block} after") == before


def test_what_is_selected_stays(driven: Driven) -> None:
    assert driven.value("selected") == driven.value("use_api_v1 after") == ["v0", SERVED, 0.9]
    driven.check("selected infer", confidence=0.9)
    assert driven.value("use_api_v1 inside") == driven.value("select_api_v1") == ["v1", SERVED, 0.9]


BOTH = ("v0", "v1")


@pytest.mark.parametrize(
    ("name", "options", "versions"),
    [
        ("confidence", {"confidence": 0.95}, BOTH),
        ("low confidence", {"confidence": 0.05}, BOTH),
        ("class_filter", {"class_filter": "dog"}, ["v1"]),
        ("class_filter", {}, ["v0"]),  # does not send it
        ("iou_threshold", {"confidence": 0.05, "iou_threshold": 0.9}, BOTH),
        ("class_agnostic_nms", {"confidence": 0.05, "class_agnostic_nms": "true"}, ["v1"]),
        ("class_agnostic_nms", {"confidence": 0.05}, ["v0"]),  # nor this
        ("max_detections", {"max_detections": 1}, BOTH),
        ("max_candidates", {"confidence": 0.05, "max_candidates": 2}, ["v1"]),
        ("max_candidates", {"confidence": 0.05}, ["v0"]),  # nor this
        ("fast", {"mask_decode_mode": "fast"}, BOTH),
        ("tradeoff", {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5}, BOTH),
        ("without effect", {}, BOTH),
        ("steps that the model has not", {}, BOTH),
        ("wrong confidence", {"confidence": 0.015}, ["v0"]),  # there 1.5 is 1.5 percent
    ],
)
def test_a_field_of_the_configuration(
    driven: Driven, name: str, options: dict[str, Any], versions: tuple[str, ...]
) -> None:
    for version in versions:
        driven.check(f"{name} {version}", **options)


def test_fields_change_what_is_found(driven: Driven) -> None:
    """Each of those above but those without effect."""

    def shown(name: str) -> list[Any]:
        return [(item["class"], item["confidence"], item["points"]) for item in driven.value(name)["predictions"]]

    plain, low = shown("without effect v1"), shown("low confidence v1")
    for name in ("confidence v1", "confidence v0", "max_detections v0", "class_filter v1", "fast v1", "tradeoff v0"):
        assert shown(name) != plain, name
    for name in ("iou_threshold v0", "class_agnostic_nms v1", "max_candidates v1"):
        assert shown(name) != low, name


def test_a_class_that_is_not_known_finds_nothing(driven: Driven) -> None:
    answer = driven.value("class_filter of none v1")
    assert answer["predictions"] == []
    assert answer["image"] == {"width": 811, "height": 300}


@pytest.mark.parametrize("version", BOTH)
def test_words_of_confidence(newest: Driven, version: str) -> None:
    newest.check(f"default {version}")
    newest.check(f"best {version}", confidence=None)  # the model's own
    assert len(newest.value(f"best {version}")["predictions"]) <= len(newest.value(f"default {version}")["predictions"])


@pytest.mark.parametrize("version", BOTH)
def test_run_lengths_are_those_of_invocations(newest: Driven, version: str) -> None:
    for form, member in (("rle", "rle"), ("polygon", "points")):
        newest.check(f"{form} {version}")
        items = newest.value(f"{form} {version}")["predictions"]
        assert items and all(item["mask_format"] == form and member in item for item in items)


@pytest.mark.parametrize("version", BOTH)
def test_orientation(driven: Driven, version: str) -> None:
    upright, stored = (driven.value(f"orientation off {off} {version}") for off in (False, True))
    file = driven.folder / "turned.jpg"
    assert (upright["image"], stored["image"]) == ({"width": 360, "height": 400}, {"width": 400, "height": 360})
    theirs = expected(driven.url, file)
    assert [item["class"] for item in upright["predictions"]] == [name_of(label) for label in theirs["labels"]]
    np.testing.assert_allclose([corners(item) for item in upright["predictions"]], theirs["boxes"], atol=1)


@pytest.mark.parametrize("name", ["downsized v0", "downsized v1", "downsized v1 async"])
def test_a_downsized_picture_is_answered_in_pixels_of_the_large_one(driven: Driven, name: str) -> None:
    (file,) = driven.outcomes[name]["sent"]
    theirs, answer = expected(driven.url, driven.folder / file), driven.value(name)
    assert pixels_of((driven.folder / file).read_bytes()).shape[0] == 256
    assert np.abs(np.subtract([answer["image"][side] for side in ("width", "height")], [360, 400])).max() <= 2
    found = answer["predictions"]
    assert [item["class"] for item in found] == [name_of(label) for label in theirs["labels"]] != []
    np.testing.assert_allclose([corners(item) for item in found], np.multiply(theirs["boxes"], 400 / 256), atol=1.6)
    largest = np.max([[point[axis] for axis in "xy"] for item in found for point in item["points"]], axis=0)
    assert (largest > 256).all() and (largest <= [361, 401]).all()


def test_a_picture_that_is_small_enough_is_not_downsized(driven: Driven) -> None:
    driven.check("not downsized")


# -- pictures of what was found


def shown_picture(value: Any) -> dict[str, Any]:
    """Size and mean of a picture, as the driver notes those of arrays."""
    if not isinstance(value, str):
        return dict(value)
    pixels = pixels_of(base64.b64decode(value))
    return {"shape": list(pixels.shape), "mean": pixels.mean(axis=(0, 1)).tolist()}


@pytest.mark.parametrize(
    "name",
    [
        f"{call}{suffix}{shape}"
        for suffix in WITH_ASYNC
        for call, shape in (("v1", ""), ("v0", " image"), ("v0", " image_and_json"))
    ],
)
def test_a_visualization_in_each_form(driven: Driven, name: str) -> None:
    values = {form: driven.value(f"{name} {form}") for form in ("base64", "numpy", "pillow")}
    (file,) = driven.outcomes[f"{name} base64"]["sent"]
    drawn = requests.post(
        driven.url + "/invocations",
        (driven.folder / file).read_bytes(),
        headers={"Accept": "image/jpeg"},
        params={"confidence": 0.4, "iou_threshold": 0.3, "draw_labels": "false", "line_width": 1},
        timeout=60,
    )
    assert base64.b64decode(values["base64"]["visualization"]) == drawn.content
    looks = {form: shown_picture(value["visualization"]) for form, value in values.items()}
    assert {tuple(look["shape"]) for look in looks.values()} == {(400, 360, 3)}
    np.testing.assert_allclose(looks["pillow"]["mean"], looks["base64"]["mean"], atol=1)
    np.testing.assert_allclose(looks["numpy"]["mean"][::-1], looks["base64"]["mean"], atol=1)  # BGR
    for value in values.values():
        assert set(value) == {"visualization"} if name.endswith("image") else len(value["predictions"]) > 0


@pytest.mark.parametrize("field", ["visualize_labels", "stroke_width"])
@pytest.mark.parametrize("version", ["v1", "v0"])
def test_a_field_changes_the_visualization(driven: Driven, version: str, field: str) -> None:
    plain = driven.value("v1 base64" if version == "v1" else "v0 image_and_json base64")
    assert driven.value(f"{field} {version}")["visualization"] != plain["visualization"]


# -- supervision


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("form", ["polygon", "rle"])
def test_supervision_reads_boxes_and_masks(driven: Driven, form: str, version: str) -> None:
    if form == "rle" and driven.version == OLD:
        assert f"supervision {form} {version}" not in driven.outcomes  # cannot ask for it
        return
    seen, theirs = driven.value(f"supervision {form} {version}"), expected(driven.url, driven.folder / "pair.jpg")
    assert seen["classes"] == [name_of(label) for label in theirs["labels"]]
    np.testing.assert_allclose(seen["xyxy"], theirs["boxes"], atol=1)
    np.testing.assert_allclose(seen["confidence"], theirs["scores"], atol=0.01)
    masks = np.load(driven.folder / f"{form}-{version}.npy")
    assert len(masks) == len(theirs["masks"]) > 1
    for mask, rle in zip(masks, theirs["masks"], strict=True):
        assert iou(mask, bitmap(rle)) > (0.9 if form == "polygon" else 0.9999)


def test_supervision_reads_an_answer_of_nothing(driven: Driven) -> None:
    assert driven.value("supervision of nothing") == 0


# -- models of each task, by id


def ways(*versions: str) -> Any:
    return pytest.mark.parametrize("way", [version + suffix for version in versions for suffix in WITH_ASYNC])


@ways("v0", "v1")
def test_another_model_of_the_store(driven: Driven, way: str) -> None:
    file = driven.folder / "from-array.jpg"
    theirs = expected(driven.url, file, confidence=0.01, max_detections=3)
    ours = {**theirs, "labels": [renamed(label) for label in theirs["labels"]]}
    assert len(ours["labels"]) == 3
    check_same(driven.value(f"{CATS} {way}"), file, ours)


@pytest.mark.parametrize("version", BOTH)
def test_steps_before_the_network_can_be_left_out(driven: Driven, stored: Server, version: str) -> None:
    file = driven.folder / "from-array.jpg"
    prepared, plain = expected(stored.url, file, STEPS), expected(driven.url, file)
    assert max(box[2] for box in prepared["boxes"]) <= 0.6 * 360 < max(box[2] for box in plain["boxes"])
    check_same(driven.value(f"{STEPS} {version}"), file, prepared)
    check_same(driven.value(f"{STEPS} without {version}"), file, plain)


@ways("v0", "v1")
def test_boxes(driven: Driven, stored: Server, way: str) -> None:
    file, answer = driven.folder / "from-array.jpg", driven.value(f"{BOXES} {way}")
    check_same(
        answer, file, expected(stored.url, file, BOXES, confidence=0.01, max_detections=3, masks="none", scores=True)
    )
    assert len(answer["predictions"]) == 3 and "points" not in answer["predictions"][0]


@ways("v0", "v1")
def test_keypoints(driven: Driven, stored: Server, way: str) -> None:
    file, answer = driven.folder / "from-array.jpg", driven.value(f"{POSE} {way}")
    theirs = expected(stored.url, file, POSE, confidence=0.01, max_detections=3, masks="none", scores=True)
    check_same(answer, file, theirs)
    points = [[[p["x"], p["y"], p["confidence"]] for p in item["keypoints"]] for item in answer["predictions"]]
    np.testing.assert_allclose(points, theirs["keypoints"], atol=0.01)
    assert np.shape(points) == (3, 17, 3)
    assert [point["class"] for point in answer["predictions"][0]["keypoints"]][:2] == ["nose", "left_eye"]
    sure = [item["keypoints"] for item in driven.value(f"{POSE} sure {way[:2]}")["predictions"]]
    assert all(point["confidence"] >= 1 for item in sure for point in item)


@ways("v0", "v1")
def test_classes(driven: Driven, stored: Server, way: str) -> None:
    answer = driven.value(f"{KINDS} {way}")
    theirs = expected(stored.url, driven.folder / "from-array.jpg", KINDS, confidence=0.01, masks="none", scores=True)
    assert [item["class"] for item in answer["predictions"]] == [name_of(label) for label in theirs["labels"]]
    np.testing.assert_allclose([item["confidence"] for item in answer["predictions"]], theirs["scores"], atol=0.01)
    assert (answer["top"], answer["confidence"]) == tuple(
        answer["predictions"][0][key] for key in ("class", "confidence")
    )
    assert answer["image"] == {"width": 360, "height": 400}


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_list_of_classes(driven: Driven, suffix: str) -> None:
    (first, second, third) = driven.value(f"{KINDS} list{suffix}")
    assert first["predictions"] == second["predictions"] == third["predictions"] != []


@ways("v0")
def test_areas(driven: Driven, stored: Server, way: str) -> None:
    answer = driven.value(f"{AREAS} {way}")["predictions"]
    theirs = expected(stored.url, driven.folder / "from-array.jpg", AREAS, confidence=0.0)
    names = {int(number): name for number, name in answer["class_map"].items()}
    assert names == {0: "background", 1: "a", 2: "b", 3: "c"}
    numbers, confidences = (
        pixels_of(base64.b64decode(answer[key])) for key in ("segmentation_mask", "confidence_mask")
    )
    assert numbers.shape == confidences.shape == (400, 360)
    assert answer["present_class_ids"] == np.unique(numbers).tolist()
    found = {name_of(label): bitmap(rle) for label, rle in zip(theirs["labels"], theirs["masks"], strict=True)}
    assert len(found) > 1
    for number, name in list(names.items())[1:]:
        np.testing.assert_array_equal(numbers == number, found.get(name, np.zeros_like(numbers, bool)))
    for label, score in zip(theirs["labels"], theirs["scores"], strict=True):
        assert abs(confidences[found[name_of(label)]].mean() / 255 - score) < 0.01


@ways("v1")
def test_areas_are_for_v0(driven: Driven, way: str) -> None:
    kind, _, message = driven.error(f"{AREAS} {way}")
    assert kind == "ModelTaskTypeNotSupportedError" and "semantic-segmentation" in message


@ways("v0", "v1")
def test_an_alias(driven: Driven, way: str) -> None:
    file = driven.folder / "from-array.jpg"
    check_same(driven.value(f"{ALIASED} {way}"), file, expected(driven.url, file, confidence=0.01, max_detections=3))
    described = driven.value("alias_async" if way.endswith("_async") else "alias")
    assert (described["model_id"], described["task_type"]) == (ALIAS, SEGMENTATION)


@pytest.mark.parametrize("model", [CATS, BOXES, POSE, KINDS, AREAS])
def test_a_visualization_of_each_task(driven: Driven, model: str) -> None:
    drawn = pixels_of(base64.b64decode(driven.value(f"{model} shown")["visualization"]))
    plain = pixels_of((driven.folder / "from-array.jpg").read_bytes())
    assert drawn.shape == plain.shape
    assert (np.abs(drawn.astype(int) - plain).max(axis=2) > 60).mean() > 0.001


# -- keys

TRANSPORTS = {OLD: ("default",), NEW: ("default", "legacy", "both", "header")}
UNLOADS = ("unload_model", "unload_all_models")
OPEN = ("get_server_info", "list_loaded_models", "list_loaded_models_async")


def test_the_right_key(driven: Driven) -> None:
    for transport in TRANSPORTS[driven.version]:
        sends_header = transport in ("both", "header")
        for suffix in WITH_ASYNC:
            assert {"fake"} <= {one for one, _ in driven.models(f"{transport} right load_model{suffix}")}
            for call in (f"infer{suffix}", f"infer{suffix} in v0"):
                answer = driven.value(f"{transport} right {call}")
                assert [item["class"] for item in answer["predictions"]] == ["horse", "person"]
            assert driven.error(f"{transport} right get_clip_text_embeddings{suffix}")[1] == 501
            for call in UNLOADS:
                name = f"{transport} right {call}{suffix}"
                if sends_header:
                    assert "fake" not in driven.models(name)
                    continue
                kind, status, message = driven.error(name)
                assert (kind, status) == ("HTTPCallErrorError", 401)
                assert suffix or 'api_key_transport="header"' in message


@pytest.mark.parametrize("which", ["wrong", "no"])
def test_another_key_and_none(driven: Driven, which: str) -> None:
    for transport in TRANSPORTS[driven.version]:
        prefix = f"{transport} {which} "
        for name in [name for name in driven.outcomes if name.startswith(prefix)]:
            call = name.removeprefix(prefix)
            if call in OPEN:
                driven.value(name)
            elif which == "no" and call.endswith("in v0"):
                assert driven.error(name)[0] == "APIKeyNotProvided"
            else:
                kind, status, message = driven.error(name)
                assert (kind, status) == ("HTTPCallErrorError", 401), name
                assert ("UNAUTHORIZED" if "_async" in call else "API key") in message


def test_no_key_is_logged(driven: Driven, locked: Server) -> None:
    assert driven.outcomes and KEY not in locked.log.read_text()


# -- errors

WORDS = {404: "NOT FOUND", 400: "BAD REQUEST", 501: "NOT IMPLEMENTED"}  # all that asynchronous methods tell


@pytest.mark.parametrize("suffix", WITH_ASYNC)
@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("unknown model v0", 404, "there is no model 'nowhere/7'"),
        ("unknown model v1", 404, "there is no model 'nowhere/7'"),
        ("unknown model load", 404, "there is no model 'nowhere/7'"),
        ("broken picture v0", 400, "the JPEG is cut short"),
        ("broken picture v1", 400, "the JPEG is cut short"),
        ("broken picture in a list", 400, "picture 2 of 2: the JPEG is cut short"),
    ],
)
def test_an_error_of_the_server(driven: Driven, name: str, status: int, told: str, suffix: str) -> None:
    kind, found, message = driven.error(name + suffix)
    assert (kind, found) == ("HTTPCallErrorError", status)
    assert WORDS[status] in message if suffix else message.startswith(told)


def test_a_file_that_is_no_picture(driven: Driven) -> None:
    assert driven.error("broken file")[:2] == ("HTTPCallErrorError", 400)


@pytest.mark.parametrize("name", ["wrong confidence v1", "wrong mode v1", "wrong mode v0"])
def test_a_field_out_of_range(driven: Driven, name: str) -> None:
    kind, _, message = driven.error(name)
    assert kind == "HTTPError" and message.startswith("400 Client Error")  # as methods by version leave it


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_what_the_client_refuses_itself(driven: Driven, suffix: str) -> None:
    kinds = {
        "no model": "ModelNotSelectedError",
        "no key": "APIKeyNotProvided",
        "one segment": "InvalidModelIdentifier",
    }
    assert {name: driven.error(name + suffix)[0] for name in kinds} == kinds
    methods = ("list_loaded_models", "get_model_description", "load_model", "unload_model", "unload_all_models")
    assert {driven.error(f"{method}{suffix} in v0")[0] for method in methods} == {"WrongClientModeError"}


# -- the client's pages of documentation, and what is not offered


@pytest.mark.parametrize("name", ["address", "array", "PIL", "loop", "chain", "another model", "five at once", "film"])
def test_a_snippet_of_the_page(driven: Driven, name: str) -> None:
    driven.check(f"page: {name}")


@pytest.mark.parametrize(("name", "sure"), [("blocks", [1]), ("steps", [1, 2, 3])])
def test_snippets_that_change_the_state(driven: Driven, name: str, sure: list[int]) -> None:
    file, answers = driven.folder / "photo.jpg", driven.value(f"page: {name}")
    assert len(answers) == 4
    for i, answer in enumerate(answers):
        check_same(answer, file, expected(driven.url, file, confidence=0.8 if i in sure else 0.4))


def test_snippets_of_the_registry(driven: Driven) -> None:
    for name in ("preload", "loaded", "load"):
        assert (CATS, SEGMENTATION) in driven.models(f"page: {name}")
    assert driven.value("page: description")["model_id"] == CATS
    assert CATS not in dict(driven.models("page: unload"))
    assert driven.models("page: unload all") == []
    assert len(driven.value("page: folder")) == 2


POINT, BOX = (
    {"points": [{"x": 200, "y": 150, "positive": True}]},
    {"box": {"x": 200, "y": 150, "width": 90, "height": 60}},
)


@pytest.mark.parametrize("suffix", WITH_ASYNC)
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("one", {"prompts": [POINT]}),
        ("two", {"prompts": [POINT, BOX], "multimask_output": False}),
        ("rle", {"prompts": [BOX], "format": "rle"}),
        ("none", {}),
        ("list", {"prompts": [POINT]}),
    ],
)
def test_segment_anything_2(newest: Driven, name: str, fields: dict[str, Any], suffix: str) -> None:
    found, sent = newest.value(f"sam2: {name}{suffix}"), newest.outcomes[f"sam2: {name}{suffix}"]["sent"]
    answers = found if name == "list" else [found]
    assert len(answers) == len(sent)
    for answer, file in zip(answers, sent, strict=True):
        image = {"type": "base64", "value": base64.b64encode((newest.folder / file).read_bytes()).decode()}
        ours = requests.post(newest.url + "/sam2/segment_image", json={"image": image, **fields}, timeout=60).json()
        assert answer["predictions"] == ours["predictions"]
        assert len(ours["predictions"]) == len(fields.get("prompts", "1"))


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_version_that_is_not_there(newest: Driven, suffix: str) -> None:
    kind, status, message = newest.error(f"sam2: absent{suffix}")
    assert (kind, status) == ("HTTPCallErrorError", 501)
    assert message == WORDS[501] if suffix else "'hiera_large'; there are: hiera_tiny" in message


NO_CLIP = "there are no weights for /clip; put "
NO_WEIGHTS = {
    "get_clip_image_embeddings": NO_CLIP,
    "get_clip_text_embeddings": NO_CLIP,
    "clip_compare": NO_CLIP,
    "list of clip": NO_CLIP,
}
NO_WEIGHTS_BY_VERSION = {OLD: {"detect_gazes": "there is no model of gazes; put "}, NEW: {}}
NOT_OFFERED = {
    "infer_from_yolo_world": "YOLO-World is",
    "start": "video pipelines are",
    "list_inference_pipelines": "video pipelines are",
    "get_{}_status": "video pipelines are",
    "pause_{}": "video pipelines are",
    "resume_{}": "video pipelines are",
    "terminate_{}": "video pipelines are",
    "consume_{}_result": "video pipelines are",
}
BY_VERSION = {
    OLD: {},
    NEW: {
        "sam3_embed_image": "Segment Anything 3 is",
        "sam3_visual_segment": "Segment Anything 3 is",
        "sam3_concept_segment": "Segment Anything 3 is",
        "sam3_3d_infer": "Segment Anything 3D is",
        "depth_estimation": "depth estimation is",
        "get_image_embeddings": "embeddings are",
        "perception encoder of pictures": "the perception encoder is",
        "perception encoder of texts": "the perception encoder is",
    },
}


def test_what_is_not_offered(driven: Driven) -> None:
    told = {
        f"not offered: {name}": ("HTTPCallErrorError", 501, f"{what} not offered by this server")
        for name, what in (NOT_OFFERED | BY_VERSION[driven.version]).items()
    }
    names = [name for name in driven.outcomes if name.startswith("not offered: ")]
    weights = NO_WEIGHTS | NO_WEIGHTS_BY_VERSION[driven.version]
    lacking = {f"not offered: {name}": begins for name, begins in weights.items()}
    assert {name: driven.error(name) for name in {*names} - {*lacking} if not name.endswith("_async")} == told
    assert all(driven.error(name)[2].startswith(begins) for name, begins in lacking.items())
    for name in names:
        kind, status, message = driven.error(name)
        assert (kind, status) == ("HTTPCallErrorError", 501)
        assert not name.endswith("_async") or message == WORDS[501]


def test_what_the_newest_client_no_longer_sends(newest: Driven) -> None:
    assert newest.error("refused by the client: detect_gazes")[0] == "FeatureDeprecatedError"
    assert newest.error("refused by the client: infer_on_video")[0] == "ModelTaskTypeNotSupportedError"
