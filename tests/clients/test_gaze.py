"""Gazes by Roboflow's client in two versions against real servers, one of which has no model for them."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import skimage.data

from container.engines.gaze_graphs import NAMES
from tests.clients.inference_clients import NEW, OLD, Driven, address_of, corners, run_client
from tests.conftest import Server, StartServer, encode
from tests.gaze_networks import PUBLISHED, with_published, write

DRIVE = Path(__file__).parent / "drive_gaze.py"
DRIVE_SECONDS = 120
WITH_ASYNC = ["", "_async"]
PHOTO = skimage.data.astronaut()
FACE = (180, 56, 270, 180)  # xyxy, drawn by hand

pytestmark = [pytest.mark.timeout(DRIVE_SECONDS + 60)]


@pytest.fixture(scope="module")
def served(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A store with Open Model Zoo's networks as its downloader lays them out, or with small ones where they are not."""
    store = tmp_path_factory.mktemp("store")
    files = PUBLISHED if PUBLISHED.is_dir() else write(tmp_path_factory.mktemp("small"))
    for name in NAMES:
        (place := store / "gaze/intel" / name / "FP16").mkdir(parents=True)
        for ending in ("xml", "bin"):
            shutil.copy(files / f"{name}.{ending}", place)
    started = start_server(MASKSERVE_MODEL_STORE=str(store))
    started.wait()
    return started


@pytest.fixture(scope="module")
def drive(
    served: Server, start_slow_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Driven]:
    """Make all calls of a version, once; the other server has a fake model and no store."""
    (other := start_slow_server(0)).wait()

    @functools.cache
    def drive(version: str) -> Driven:
        folder = tmp_path_factory.mktemp(version)
        (folder / "photo.png").write_bytes(encode(PHOTO))
        (folder / "mirrored.png").write_bytes(encode(PHOTO[:, ::-1]))
        (folder / "cat.png").write_bytes(encode(skimage.data.chelsea()))
        with address_of(folder) as address:
            plan = {"url": served.url, "other": other.url, "folder": str(folder), "pictures": address}
            return Driven(version, run_client(version, DRIVE, plan, folder, DRIVE_SECONDS), folder, served.url)

    return drive


@pytest.fixture
def older(drive: Callable[[str], Driven]) -> Driven:
    return drive(OLD)


def faces(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert set(answer) == {"predictions", "time", "time_face_det", "time_gaze_det"}
    for one in answer["predictions"]:
        assert set(one) == {"face", "yaw", "pitch"}
        assert (one["face"]["class"], one["face"]["class_id"], len(one["face"]["landmarks"])) == ("face", 0, 5)
    return list(answer["predictions"])


@pytest.mark.parametrize("kind", ["path", "url", "ndarray", "pil", "base64"])
@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_picture_in_every_form(older: Driven, kind: str, suffix: str) -> None:
    (answer,) = older.value(f"{kind}{suffix}")
    (found,) = faces(answer)
    (expected,) = faces(older.value("path")[0])
    np.testing.assert_allclose(corners(found["face"]), corners(expected["face"]), atol=2)
    assert found["yaw"] == pytest.approx(expected["yaw"], abs=0.05)  # what the client encodes itself is a JPEG
    assert found["pitch"] == pytest.approx(expected["pitch"], abs=0.05)


@with_published
def test_the_face_and_its_gaze(older: Driven) -> None:
    (found,) = faces(older.value("path")[0])
    np.testing.assert_allclose(corners(found["face"]), FACE, atol=5)
    assert found["face"]["confidence"] > 0.99
    assert abs(found["yaw"]) < 0.15  # into the camera
    assert abs(found["pitch"]) < 0.15


@with_published
@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_list_keeps_its_order(older: Driven, batch: int, suffix: str) -> None:
    """Of a photo, a cat, and the photo mirrored."""
    photo, cat, mirrored = map(faces, older.value(f"list {batch}{suffix}"))
    assert (len(photo), len(cat), len(mirrored)) == (1, 0, 1)
    assert photo[0]["yaw"] == pytest.approx(-mirrored[0]["yaw"], abs=0.04)
    assert photo[0]["face"]["x"] == pytest.approx(512 - mirrored[0]["face"]["x"], abs=4)


@with_published
@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_no_face_is_an_empty_list(older: Driven, suffix: str) -> None:
    (answer,) = older.value(f"cat{suffix}")
    assert faces(answer) == []


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_server_without_the_model(older: Driven, suffix: str) -> None:
    kind, status, message = older.error(f"without{suffix}")
    assert (kind, status) == ("HTTPCallErrorError", 501)
    assert "gaze-estimation-adas-0002" in message or suffix  # asynchronous methods pass the status on alone


def test_the_page_as_printed(older: Driven) -> None:
    """Its asynchronous snippet means detect_gazes_async."""
    assert len(older.value("page: one")) == len(older.value("page: async")) == 1
    assert len(older.value("page: batch")) == 2


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_the_newest_client_asks_nobody(drive: Callable[[str], Driven], suffix: str) -> None:
    assert drive(NEW).error(f"path{suffix}")[0] == "FeatureDeprecatedError"


def test_the_registry_names_the_model(older: Driven, served: Server) -> None:
    rows = requests.get(served.url + "/model/registry", timeout=10).json()["models"]
    assert {"gaze": "gaze"}.items() <= {row["model_id"]: row["task_type"] for row in rows}.items()
