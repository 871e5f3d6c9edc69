"""Segment Anything on a real server, asked as Roboflow's page does it with requests, and as direct calls answer."""

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import skimage.data
import torch
from pycocotools import mask as coco

from container.app import create_app, create_services
from container.engines.kinds.sam import SamEngine
from container.models.policies.catalogue import Catalogue
from container.models.store import Store
from container.settings import Settings
from tests.conftest import Server, StartServer, encode, pixels_of
from tests.promptable_models import Direct, tiny_sam, tiny_sam2

PHOTO, CAT = encode(skimage.data.astronaut(), "JPEG", quality=92), encode(skimage.data.chelsea(), "JPEG", quality=92)
CLICKS = [[380, 350], [80, 300], [700, 250]]
Ask = Callable[..., requests.Response]


def as_value(data: bytes) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(data).decode()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of SAM, and one of SAM 2."""
    root = tmp_path_factory.mktemp("store")
    tiny_sam(root / "sam/vit_h")
    tiny_sam(root / "sam/vit_b", seed=1)
    tiny_sam2(root / "sam2/hiera_tiny")
    return root


@pytest.fixture(scope="module")
def served(start_server: StartServer, store: Path) -> Server:
    started = start_server(MASKSERVE_MODEL_STORE=str(store))
    started.wait()
    return started


@pytest.fixture(scope="module")
def ask(served: Server) -> Iterator[Ask]:
    with requests.Session() as session:

        def post(path: str, **body: Any) -> requests.Response:
            return session.post(served.url + path, json=body, timeout=60)

        yield post


def painted(outline: list[list[int]], size: tuple[int, ...]) -> np.ndarray:
    """The pixels of an outline, its line included."""
    import cv2

    whole = np.zeros(size, np.uint8)
    cv2.fillPoly(whole, [np.array(outline, np.int32)], [1])
    return whole.astype(bool)


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask, holes filled."""
    import cv2

    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return painted(max(contours, key=cv2.contourArea)[:, 0].tolist(), mask.shape)


def test_the_page_as_printed(ask: Ask) -> None:
    """Its two names that are defined nowhere are the request and its answer."""
    payload = {"image": as_value(PHOTO), "image_id": "example_image_id"}
    answer = ask("/sam/embed_image?api_key=any-key-at-all", **payload)
    embeddings = np.array(answer.json()["embeddings"], np.float32)
    assert embeddings.shape == (1, 32, 8, 8)
    one = {**payload, "point_coords": [[380, 350]], "point_labels": [1]}
    several = {"image_id": "example_image_id", "point_coords": CLICKS, "point_labels": [1, 0, 0]}
    for body in (one, several):
        answer = ask("/sam/segment_image", **body)
        assert answer.status_code == 200, answer.text
        masks = answer.json()["masks"]
        assert np.array(masks[0]).shape[1] == 2
        where_the_page_posts = ask("/sam/embed_image", **body).json()
        assert where_the_page_posts["masks"] == masks
        assert (np.array(where_the_page_posts["embeddings"], np.float32) == embeddings).all()


@pytest.mark.parametrize(("version", "folder"), [(None, "vit_h"), ("vit_h", "vit_h"), ("vit_b", "vit_b")])
def test_embeddings_are_those_of_transformers(ask: Ask, store: Path, version: str | None, folder: str) -> None:
    answer = ask("/sam/embed_image", image=as_value(CAT), sam_version_id=version)
    assert answer.headers["X-Model-Id"] == f"sam/{folder}"
    direct = Direct(store / "sam" / folder)
    with torch.inference_mode():
        expected = direct.model.get_image_embeddings(direct.inputs(pixels_of(CAT))["pixel_values"]).numpy()
    np.testing.assert_allclose(np.array(answer.json()["embeddings"]), expected, atol=1e-5)
    file = ask("/sam/embed_image", image=as_value(CAT), sam_version_id=version, format="binary")
    np.testing.assert_allclose(np.load(io.BytesIO(file.content)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("points", "labels", "multimask"),
    [([[220, 150]], [1], True), ([[220, 150], [100, 200]], [1, 0], False), (CLICKS, [1, 0, 0], False)],
)
def test_masks_are_those_of_transformers(
    ask: Ask, store: Path, points: list[list[int]], labels: list[int], multimask: bool
) -> None:
    direct = Direct(store / "sam/vit_h")
    _, scores, masks = direct.answer(direct.inputs(pixels_of(PHOTO), points, labels), multimask)
    best = int(np.argmax(scores))
    body = {"image": as_value(PHOTO), "point_coords": points, "point_labels": labels}
    file = ask("/sam/segment_image", **body, format="binary")
    with np.load(io.BytesIO(file.content), allow_pickle=False) as arrays:
        assert ((arrays["masks"][0] > 0) == masks[best]).all()
    answer = ask("/sam/segment_image", **body).json()
    assert (painted(answer["masks"][0], masks[best].shape) == largest(masks[best])).all()
    assert answer["scores"][0] == pytest.approx(np.clip(scores[best], 0, 1), abs=1e-5)


def test_embeddings_taken_along_segment_as_the_picture_does(ask: Ask) -> None:
    click = {"point_coords": [[220, 150]], "point_labels": [1]}
    expected = ask("/sam/segment_image", image=as_value(CAT), **click).json()["masks"]
    numbers = ask("/sam/embed_image", image=as_value(CAT)).json()["embeddings"]
    file = base64.b64encode(ask("/sam/embed_image", image=as_value(CAT), format="binary").content).decode()
    size = [*skimage.data.chelsea().shape[:2]]
    for given, form in ((numbers, "json"), (file, "binary")):
        body = {"embeddings": given, "embeddings_format": form, "orig_im_size": size}
        assert ask("/sam/segment_image", **body, **click).json()["masks"] == expected


def test_sam2_is_that_of_transformers(ask: Ask, store: Path) -> None:
    direct = Direct(store / "sam2/hiera_tiny")
    prompts = [
        {"points": [{"x": 220, "y": 150, "positive": True}]},
        {"points": [{"x": 220, "y": 150, "positive": True}, {"x": 10, "y": 20, "positive": False}]},
        {"box": {"x": 200, "y": 150, "width": 100, "height": 60}},
    ]
    asked: list[dict[str, Any]] = [
        {"points": [[220, 150]], "labels": [1]},
        {"points": [[220, 150], [10, 20]], "labels": [1, 0]},
        {"box": [150, 120, 250, 180]},
    ]
    kept = ask("/sam2/embed_image", image=as_value(CAT), image_id="cat").json()
    assert kept["image_id"] == "cat"
    found = ask("/sam2/segment_image", image_id="cat", prompts={"prompts": prompts}, format="rle").json()["predictions"]
    assert len(found) == 3
    for answer, prompt in zip(found, asked, strict=True):
        _, scores, masks = direct.answer(direct.inputs(pixels_of(CAT), **prompt), True)
        best = int(np.argmax(scores))
        assert (coco.decode(answer["masks"]).astype(bool) == masks[best]).all()
        assert answer["confidence"] == pytest.approx(scores[best], abs=1e-5)
    outlines = ask("/sam2/segment_image", image_id="cat", prompts=prompts[0]).json()["predictions"][0]
    assert outlines["format"] == "polygon"
    assert all(len(point) == 2 for line in outlines["masks"] for point in line)


def test_the_registry_lists_what_was_asked_for(ask: Ask, served: Server) -> None:
    for path in ("/sam/embed_image", "/sam2/embed_image"):
        assert ask(path, image=as_value(CAT)).status_code == 200
    rows = {row["model_id"]: row["task_type"] for row in requests.get(served.url + "/model/registry").json()["models"]}
    assert rows["sam/vit_h"] == "sam"
    assert rows["sam2/hiera_tiny"] == "sam2"
    assert requests.post(served.url + "/model/remove", json={"model_id": "sam/vit_h"}).status_code == 200
    gone = ask("/sam/segment_image", image_id="example_image_id", point_coords=[[1, 2]])
    assert gone.status_code == 400, "its embeddings went with it"
    again = ask("/sam/embed_image", image=as_value(CAT))
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/sam/segment_image", {"image_id": "never seen"}, 400, "never seen"),
        (
            "/sam/embed_image",
            {"image": as_value(CAT), "sam_version_id": "vit_l"},
            501,
            "'vit_l'; there are: vit_b, vit_h",
        ),
        ("/sam2/segment_image", {"image": as_value(CAT), "sam2_version_id": "hiera_huge"}, 501, "hiera_tiny"),
        (
            "/sam/embed_image",
            {"image": {"type": "url", "value": "https://i.imgur.com/Q6lDy8B.jpg"}},
            400,
            "MASKSERVE_URL_HOSTS",
        ),
        ("/sam3/embed_image", {"image": as_value(CAT)}, 501, "not offered"),
        (
            "/infer/instance_segmentation",
            {"image": as_value(CAT), "model_id": "sam/vit_h"},
            400,
            "POST /sam/segment_image",
        ),
    ],
)
def test_errors_say_what_to_do(ask: Ask, path: str, body: dict[str, Any], status: int, words: str) -> None:
    answer = ask(path, **body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]


def test_where_several_versions_are_there_and_none_is_usual(start_server: StartServer, tmp_path: Path) -> None:
    for version in ("a", "b"):
        tiny_sam(tmp_path / "sam" / version)
    server = start_server(MASKSERVE_MODEL_STORE=str(tmp_path))
    server.wait()
    answer = requests.post(server.url + "/sam/embed_image", json={"image": as_value(CAT)})
    assert answer.status_code == 400
    assert "sam_version_id is missing, and there are several versions: a, b" in answer.json()["message"]
    assert server.stop() == 0


def test_a_served_sam(start_server: StartServer, store: Path) -> None:
    server = start_server(MASKSERVE_MODEL=str(store / "sam/vit_h"))
    server.wait()
    click = {"points": [{"x": 220, "y": 150, "positive": True}]}
    asked = {"image": base64.b64encode(PHOTO).decode(), "prompts": click, "parameters": {"masks": "rle"}}
    found = requests.post(server.url + "/invocations", json=asked).json()
    direct = Direct(store / "sam/vit_h")
    _, scores, masks = direct.answer(direct.inputs(pixels_of(PHOTO), [[220, 150]], [1]), True)
    assert (coco.decode(found["masks"][0]).astype(bool) == masks[int(np.argmax(scores))]).all()
    picture = requests.post(server.url + "/invocations", json=asked, headers={"Accept": "image/png"})
    assert pixels_of(picture.content).shape == (512, 512, 3)
    same = requests.post(
        server.url + "/sam/segment_image", json={"image": as_value(PHOTO), "point_coords": [[220, 150]]}
    )
    assert same.headers["X-Model-Id"] == "vit_h"
    assert requests.get(server.url + "/model/registry").json()["models"][0]["task_type"] == "sam"
    assert server.stop() == 0


@pytest.fixture
def counted(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[tuple[int, ...]]]]:
    """The application in this process, with the sizes of what the encoder of a SAM was given."""
    sizes: list[tuple[int, ...]] = []
    embed = SamEngine.embed

    def counting(self: SamEngine, pixels: np.ndarray) -> Any:
        sizes.append(pixels.shape)
        time.sleep(0.2)
        return embed(self, pixels)

    monkeypatch.setattr(SamEngine, "embed", counting)
    settings = Settings(device="cpu")
    services = create_services(settings, Catalogue(store / "sam/vit_h", Store(store)))
    services.pool.start()
    app = create_app(settings, services)
    assert services.pool.settle() == ("ready", "")
    sizes.clear()  # of the trial
    yield app, sizes
    services.pool.close()


def test_fifty_clicks_on_one_picture_are_one_call_of_the_encoder(counted: tuple[Any, list[Any]]) -> None:
    app, sizes = counted
    barrier = threading.Barrier(8)

    def click(i: int) -> int:
        if i < 8:
            barrier.wait()
        body = {"image": as_value(PHOTO), "image_id": "photo", "point_coords": [[9 * i, 8 * i]]}
        return int(app.test_client().post("/sam/segment_image", json=body).status_code)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(click, range(50))) == {200}
    assert sizes == [(512, 512, 3)]


def test_a_second_prompt_costs_a_tenth_of_the_first(start_server: StartServer, tmp_path: Path) -> None:
    """An encoder of 1,024 patches, 12 layers of 384 channels; real ones have four times as many patches."""
    tiny_sam(tmp_path / "sam/middle", side=512, hidden_size=384, num_hidden_layers=12, num_attention_heads=6)
    server = start_server(MASKSERVE_MODEL_STORE=str(tmp_path))
    server.wait()
    milliseconds: dict[str, list[float]] = {"new": [], "kept": []}
    for number in range(3):
        image = as_value(PHOTO + bytes([number]))  # another file
        for kind in ("new", "kept"):
            body = {"image": image, "image_id": "photo", "point_coords": [[100, 100 + number]]}
            answer = requests.post(server.url + "/sam/segment_image", json=body, timeout=60)
            assert answer.status_code == 200, answer.text
            milliseconds[kind].append(1000 * float(answer.headers["X-Processing-Time"]))
    assert server.stop() == 0
    assert min(milliseconds["kept"]) < 0.1 * min(milliseconds["new"]), milliseconds
