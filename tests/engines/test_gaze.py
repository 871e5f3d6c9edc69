"""Gazes: by small networks whose answers are known, and by Open Model Zoo's own in skimage's astronaut."""

import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from container import cancellation
from container.engines import base, runtime
from container.engines.gaze import GazeEngine, around
from container.engines.gaze_graphs import EYES, FACES, GAZE, HEAD, LANDMARKS, NAMES, POSE
from container.errors import DeadlineExceeded, ModelError
from container.models import artifact
from container.models.store import Store
from container.ops import crops
from container.structures import GazeQuery, Gazes, ModelSpec
from tests.gaze_networks import PUBLISHED, with_published, write

CPU = runtime.start("cpu", "fp32", 2)
GREY = np.full((100, 200, 3), 128, np.uint8)
PHOTO = skimage.data.astronaut()
FACE = (180, 56, 270, 180)  # xyxy, drawn by hand around the astronaut's
LOOKS = 224, 116  # the middle of it


def load(folder: Path) -> GazeEngine:
    engine = base.load(ModelSpec("gaze", "gaze", folder), CPU)
    assert isinstance(engine, GazeEngine)
    return engine


def look(engine: GazeEngine, pixels: np.ndarray, find_faces: bool = True) -> Gazes:
    (found,) = engine.predict([GazeQuery(pixels, find_faces)])
    return found


@pytest.fixture(scope="module")
def published() -> GazeEngine:
    return load(PUBLISHED)


def test_a_face_is_where_the_detector_says_it_is(tmp_path: Path) -> None:
    found = look(load(write(tmp_path)), GREY)
    assert found.boxes.tolist() == [[50, 25, 100, 75]]
    assert found.scores == pytest.approx([0.9])
    centre, side = around(found.boxes[0])
    assert (*centre, side) == pytest.approx((75.4, 51.85, 57.5))
    (points,) = found.landmarks
    # The mirrored face has the same points, so what is answered is symmetric.
    assert points[:, 0] - centre[0] == pytest.approx(side * np.array([-0.2, 0.2, 0, -0.15, 0.15]), abs=1e-3)
    assert points[:, 1] - centre[1] == pytest.approx(side * np.array([-0.1, -0.1, 0.1, 0.3, 0.3]), abs=1e-3)


@pytest.mark.parametrize(
    ("vector", "roll", "yaw", "pitch"),
    [
        ((0, 0, -1), 0, 0, 0),
        ((0, 3, -3), 0, 0, 45),
        ((0, -1, -math.sqrt(3)), 0, 0, -30),
        ((0, 1, -1), 0, 0, 45),
    ],
)
def test_angles_are_those_of_the_vector(
    tmp_path: Path, vector: tuple[float, ...], roll: float, yaw: float, pitch: float
) -> None:
    found = look(load(write(tmp_path, vector=vector, pose=(0, 0, roll))), GREY)
    assert np.degrees([found.yaws[0], found.pitches[0]]) == pytest.approx([yaw, pitch], abs=1e-4)


@pytest.mark.parametrize("score", [0.74, 0.0, -1.0])
def test_no_face_is_no_row(tmp_path: Path, score: float) -> None:
    found = look(load(write(tmp_path, score=score)), GREY)
    assert len(found) == 0
    assert (found.landmarks.shape, found.yaws.shape) == ((0, 5, 2), (0,))


def test_a_picture_may_be_a_face_as_a_whole(tmp_path: Path) -> None:
    found = look(load(write(tmp_path, score=0)), GREY, find_faces=False)
    assert (found.boxes.tolist(), found.scores.tolist()) == ([[0, 0, 200, 100]], [1])


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2)])
def test_pictures_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    engine = load(write(tmp_path))
    assert len(look(engine, np.zeros((*size, 3), np.uint8), find_faces=False)) == 1
    assert len(look(engine, np.zeros((*size, 3), np.uint8))) in (0, 1)


def test_numbers_that_are_not_finite_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{HEAD} makes numbers that are not finite"):
        load(write(tmp_path, pose=(0, math.nan, 0)))


def late() -> None:
    raise DeadlineExceeded("too late")


def test_it_ends_at_its_deadline(tmp_path: Path) -> None:
    engine = load(write(tmp_path))
    with cancellation.cancelled_by(late), pytest.raises(DeadlineExceeded):
        look(engine, GREY)


@pytest.mark.parametrize("layout", ["flat", "FP16", "FP32", "both"])
def test_a_folder_is_recognised_as_the_downloader_lays_it_out(tmp_path: Path, layout: str) -> None:
    made, folder = write(tmp_path / "made"), tmp_path / "store/gaze"
    for name in NAMES:
        for place in {"flat": (".",), "both": ("FP32", "FP16")}.get(layout, (layout,)):
            target = folder / ("." if layout == "flat" else f"intel/{name}/{place}")
            target.mkdir(parents=True, exist_ok=True)
            for ending in ("xml", "bin"):
                shutil.copy(made / f"{name}.{ending}", target)
    assert Store(tmp_path / "store").find("gaze") == "gaze"
    spec = artifact.read(folder, tmp_path)
    assert (spec.name, spec.architecture, spec.weights) == ("gaze", "gaze", folder)
    assert len(look(load(folder), GREY)) == 1


def test_a_project_may_have_a_version_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "photos/intel").mkdir(parents=True)
    (tmp_path / "photos/intel/model.json").write_text("{}")
    assert Store(tmp_path).find("photos/intel") == "photos/intel"
    assert Store(tmp_path).versions("photos") == ["intel"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (f"{LANDMARKS}.xml", None, f"{LANDMARKS}.xml is missing; the folder takes it with {LANDMARKS}.bin"),
        (f"{HEAD}.bin", None, f"{HEAD}.bin is missing beside {HEAD}.xml"),
        (f"{FACES}.xml", b"", f"{FACES} cannot be read by OpenVINO"),
        (f"{FACES}.xml", b"<!doctype html><html>", f"{FACES} cannot be read by OpenVINO"),
        (f"{FACES}.xml", b"<net version='99'/>", f"{FACES} cannot be read by OpenVINO"),
        (f"{FACES}.bin", b"", f"{FACES} cannot be read by OpenVINO"),
        (f"{FACES}.xml", bytes(5 << 20), f"{FACES}.xml has 5 MB; it takes at most 4"),
        (f"{FACES}.bin", bytes(65 << 20), f"{FACES}.bin has 65 MB; it takes at most 64"),
    ],
)
def test_files_that_cannot_be_loaded(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    folder = write(tmp_path)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        load(folder)


def test_another_network_under_the_name_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for ending in ("xml", "bin"):
        shutil.copy(folder / f"{HEAD}.{ending}", folder / f"{GAZE}.{ending}")
    with pytest.raises(ModelError, match=f"{GAZE} has 1 inputs; left_eye_image, right_eye_image, head_pose_angles are"):
        load(folder)


def test_a_network_that_asks_for_far_more_than_its_files_hold(tmp_path: Path) -> None:
    """The picture of an eye would have 10^16 pixels."""
    folder = write(tmp_path)
    file = folder / f"{GAZE}.xml"
    text = file.read_text()
    assert "1,3" in text
    file.write_text(text.replace('shape="1,3,60,60"', 'shape="1,3,60000000,60000000"'))
    with pytest.raises(ModelError, match=GAZE):
        load(folder)


def test_a_network_that_grows(tmp_path: Path) -> None:
    """Its ports are those that are wanted, and what it makes between them is 43 GB."""
    import openvino
    from openvino import opset13

    folder = write(tmp_path)
    inputs = [opset13.parameter([1, 3, 60, 60], np.float32) for _ in range(2)]
    inputs.append(opset13.parameter([1, 3], np.float32))
    for name, parameter in zip((*EYES, POSE), inputs, strict=True):
        parameter.output(0).set_names({name})
    large = opset13.tile(inputs[0], np.array([10**6, 1, 1, 1]))
    result = opset13.result(opset13.add(inputs[2], opset13.reduce_sum(large, [0, 1, 2, 3], False)))
    for ending in ("xml", "bin"):
        (folder / f"{GAZE}.{ending}").unlink()
    openvino.save_model(openvino.Model([result], inputs), folder / f"{GAZE}.xml")
    with pytest.raises(ModelError, match=f"{GAZE} makes a tensor of 41198 MB by a Tile; it takes at most 2048"):
        load(folder)


def test_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the parameters of model.json are a, b; a model of gazes has none"):
        base.load(ModelSpec("gaze", "gaze", write(tmp_path), parameters={"b": 1, "a": 2}), CPU)


@with_published
def test_the_astronaut_looks_into_the_camera(published: GazeEngine) -> None:
    found = look(published, PHOTO)
    assert len(found) == 1
    assert found.scores[0] > 0.99
    assert found.boxes[0] == pytest.approx(FACE, abs=5)
    eyes, nose, mouth = found.landmarks[0, :2], found.landmarks[0, 2], found.landmarks[0, 3:]
    assert eyes.tolist() == [pytest.approx([203, 100], abs=4), pytest.approx([247, 102], abs=4)]
    assert nose == pytest.approx([225, 128], abs=4)
    assert (mouth[:, 1] > nose[1]).all()
    assert abs(found.yaws[0]) < 0.15
    assert abs(found.pitches[0]) < 0.15


def with_eyes(x: int, y: int) -> np.ndarray:
    """The astronaut, four times as large, with drawn eyes whose irises are so far off their middle."""
    pixels = cv2.resize(PHOTO, (2048, 2048), interpolation=cv2.INTER_CUBIC)
    for middle in ((819, 404), (991, 408)):
        inside = cv2.ellipse(np.zeros((2048, 2048), np.uint8), middle, (42, 17), 0, 0, 360, (1,), -1)
        eye = np.full_like(pixels, (225, 215, 205))
        for radius, colour in ((17, (70, 45, 30)), (8, (10, 8, 8))):
            cv2.circle(eye, (middle[0] + x, middle[1] + y), radius, colour, -1, cv2.LINE_AA)
        cv2.copyTo(eye, inside, pixels)
    return pixels


@with_published
def test_drawn_eyes_look_where_they_are_drawn_to_look(published: GazeEngine) -> None:
    ahead, left, right, up, down = (
        np.degrees([found.yaws[0], found.pitches[0]])
        for found in (look(published, with_eyes(x, y)) for x, y in ((0, 0), (-14, 0), (14, 0), (0, -10), (0, 10)))
    )
    assert abs(ahead[0]) < 8
    assert (left[0], right[0]) == (pytest.approx(28, abs=8), pytest.approx(-28, abs=8))
    assert up[1] > ahead[1] + 3 > down[1] + 6


@with_published
@pytest.mark.parametrize(("x", "y", "scale"), [(0, 0, 1), (30, -20, 1), (-40, 10, 1.3), (60, 50, 0.7)])
def test_a_mirrored_picture_has_the_opposite_yaw(published: GazeEngine, x: float, y: float, scale: float) -> None:
    pixels = crops.square(PHOTO, (256 + x, 256 + y), 512 / scale, 512)
    one, other = look(published, pixels), look(published, pixels[:, ::-1])
    assert (len(one), len(other)) == (1, 1)
    assert one.yaws[0] == pytest.approx(-other.yaws[0], abs=0.04)
    assert one.pitches[0] == pytest.approx(other.pitches[0], abs=0.04)
    assert one.landmarks[0, 0] == pytest.approx([512, 0] + other.landmarks[0, 1] * [-1, 1], abs=2)


@with_published
@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
def test_a_tilted_head_looks_where_it_did(published: GazeEngine, degrees: float) -> None:
    expected, found = look(published, PHOTO), look(published, crops.square(PHOTO, LOOKS, 300, 512, degrees))
    assert found.yaws[0] == pytest.approx(expected.yaws[0], abs=0.1)
    assert found.pitches[0] == pytest.approx(expected.pitches[0], abs=0.1)


@with_published
@pytest.mark.parametrize("pixels", [skimage.data.chelsea(), skimage.data.coffee(), np.zeros((480, 640, 3), np.uint8)])
def test_no_face_in_a_cat_or_a_cup(published: GazeEngine, pixels: np.ndarray) -> None:
    assert len(look(published, pixels)) == 0


@with_published
def test_several_people(published: GazeEngine) -> None:
    pair = np.hstack([PHOTO, PHOTO[:, ::-1]])
    found = look(published, pair)
    assert len(found) == 2
    assert sorted(found.yaws)[0] == pytest.approx(-sorted(found.yaws)[1], abs=0.04)
