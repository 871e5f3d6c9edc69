"""/sam/…: what goes in, what comes out, with a fake model."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pycocotools import mask as coco

from container.app import create_app
from container.images.base import Limits
from container.settings import Settings
from container.structures import npy
from tests.conftest import encode
from tests.fakes import FakeEngine, FakePromptEngine, ready_services, tried
from tests.protocols.roboflow.conftest import as_value

EMBED, SEGMENT = "/sam/embed_image", "/sam/segment_image"
FILE = encode(np.full((60, 80, 3), 7, np.uint8))
PHOTO = as_value(FILE)
OTHER = as_value(encode(np.full((64, 64, 3), 9, np.uint8)))
CLICK = {"point_coords": [[40, 30]], "point_labels": [1]}


@pytest.fixture
def sam() -> FakePromptEngine:
    return tried()


@pytest.fixture
def client(sam: FakePromptEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(sam))
    yield app.test_client()
    app.services.pool.close()


def b64(array: np.ndarray) -> str:
    return base64.b64encode(npy.write(array)).decode()


def bounds(polygon: list[list[int]]) -> list[int]:
    points = np.array(polygon)
    return [*points.min(0).tolist(), *points.max(0).tolist()]


def test_an_embedding_is_numbers_or_a_file(client: FlaskClient) -> None:
    answer = client.post(EMBED, json={"image": PHOTO})
    assert answer.status_code == 200, answer.json
    assert set(answer.json) == {"embeddings", "time"}
    assert answer.headers["X-Model-Id"] == "fake"
    file = client.post(EMBED, json={"image": PHOTO, "format": "binary"})
    assert file.content_type == "application/octet-stream"
    array = np.load(io.BytesIO(file.data))
    assert array.dtype == np.float32
    assert array.shape == (1, 4, 2, 2)
    assert (np.array(answer.json["embeddings"], np.float32) == array).all()


def test_a_mask_is_an_outline_or_logits(client: FlaskClient) -> None:
    answer = client.post(SEGMENT, json={"image": PHOTO, **CLICK}).json
    assert set(answer) == {"masks", "low_res_masks", "scores", "time"}
    assert bounds(answer["masks"][0]) == [30, 21, 49, 39]
    assert bounds(answer["low_res_masks"][0]) == [12, 11, 19, 20]
    assert answer["scores"] == [0.9]
    file = client.post(SEGMENT, json={"image": PHOTO, **CLICK, "format": "binary"})
    with np.load(io.BytesIO(file.data)) as arrays:
        assert {name: one.shape for name, one in arrays.items()} == {"masks": (1, 60, 80), "low_res_masks": (1, 32, 32)}
        rows, columns = np.nonzero(arrays["masks"][0] > 0)
    assert [columns.min(), rows.min(), columns.max(), rows.max()] == [30, 21, 49, 39]


def test_a_mask_as_run_lengths_has_every_pixel(client: FlaskClient) -> None:
    answer = client.post(SEGMENT, json={"image": PHOTO, **CLICK, "format": "rle"}).json
    file = client.post(SEGMENT, json={"image": PHOTO, **CLICK, "format": "binary"})
    with np.load(io.BytesIO(file.data)) as arrays:
        assert (coco.decode(answer["masks"][0]) == (arrays["masks"][0] > 0)).all()
    assert answer["scores"] == [0.9]


def test_all_three_masks_on_request(client: FlaskClient) -> None:
    answer = client.post(SEGMENT, json={"image": PHOTO, **CLICK, "multimask_output": True}).json
    assert (len(answer["masks"]), answer["scores"]) == (3, [0.9, 0.8, 0.7])


def test_a_picture_is_embedded_once(client: FlaskClient, sam: FakePromptEngine) -> None:
    client.post(EMBED, json={"image": PHOTO, "image_id": "photo"})
    for body in (
        {"image": PHOTO, "image_id": "photo"},
        {"image_id": "photo"},
        {"image": PHOTO},  # by its content
        {"image": PHOTO, "image_id": "the same under another name"},
        {"image_id": "the same under another name"},
    ):
        assert client.post(SEGMENT, json=body | CLICK).status_code == 200
        assert client.post(EMBED, json=body).status_code == 200
    assert sam.embedded == 1


def test_what_is_kept_is_found_before_the_picture_is_decoded(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"image": PHOTO, "image_id": "photo", **CLICK}
    first = client.post(SEGMENT, json=body).json["masks"]
    monkeypatch.setattr("container.images.sources.base64.decode", None)
    assert client.post(SEGMENT, json=body).json["masks"] == first
    assert client.post(SEGMENT, json={"image": PHOTO, **CLICK}).json["masks"] == first


def test_the_page_with_its_address(sam: FakePromptEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host is reached by nobody here: what is fetched is put in its place."""
    fetched: list[str] = []

    def fetch(url: str, limits: Limits) -> bytes:
        fetched.append(url)
        return FILE

    monkeypatch.setattr("container.images.sources.url.fetch", fetch)
    image = {"type": "url", "value": "https://i.imgur.com/Q6lDy8B.jpg"}
    app = create_app(Settings(), ready_services(sam, url_hosts=("i.imgur.com",)))
    client = app.test_client()
    payload = {"image": image, "image_id": "example_image_id"}
    assert "embeddings" in client.post(f"{EMBED}?api_key=any-key", json=payload).json
    for path in (SEGMENT, EMBED):
        one = {**payload, "point_coords": [[380, 350]], "point_labels": [1]}
        assert "masks" in client.post(path, json=one).json
        several = {"image_id": "example_image_id", "point_coords": [[380, 350], [80, 300], [700, 250]]}
        assert "masks" in client.post(path, json={**several, "point_labels": [1, 0, 0]}).json
    assert fetched == [image["value"]] * 3  # what lies there may have changed
    assert sam.embedded == 1
    app.services.pool.close()


def test_another_picture_under_an_id_replaces_it(client: FlaskClient, sam: FakePromptEngine) -> None:
    client.post(EMBED, json={"image": PHOTO, "image_id": "a"})
    answer = client.post(EMBED, json={"image": OTHER, "image_id": "a"}).json
    assert answer["embeddings"][0][0][0][0] == 9
    assert client.post(EMBED, json={"image_id": "a"}).json["embeddings"] == answer["embeddings"]
    assert sam.embedded == 2


def test_where_the_page_posts_its_requests_for_masks(client: FlaskClient, sam: FakePromptEngine) -> None:
    answer = client.post(EMBED, json={"image": PHOTO, "image_id": "a", **CLICK}).json
    assert set(answer) == {"embeddings", "masks", "low_res_masks", "scores", "time"}
    several = {"image_id": "a", "point_coords": [[380, 350], [80, 300], [700, 250]], "point_labels": [1, 0, 0]}
    assert "masks" in client.post(EMBED, json=several).json
    prompt, multimask = sam.asked_for[-1]
    assert prompt.points.tolist() == several["point_coords"]
    assert prompt.labels.tolist() == [1, 0, 0]
    assert not multimask


@pytest.mark.parametrize(
    ("fields", "points", "labels", "box", "multimask"),
    [
        ({}, [], [], None, False),
        ({"point_coords": [[0, 0]], "point_labels": [-1]}, [], [], None, False),
        (CLICK, [[40, 30]], [1], None, True),
        ({"point_coords": [[40.5, 30]]}, [[40.5, 30]], [1], None, True),
        ({"point_coords": [[1, 2], [3, 4]], "point_labels": [0, 1]}, [[1, 2], [3, 4]], [0, 1], None, False),
        ({"point_coords": [[9, 2], [3, 40]], "point_labels": [2, 3]}, [], [], [3, 2, 9, 40], False),
        ({**CLICK, "multimask_output": False}, [[40, 30]], [1], None, False),
    ],
)
def test_what_the_model_is_asked(
    client: FlaskClient,
    sam: FakePromptEngine,
    fields: dict[str, Any],
    points: list[Any],
    labels: list[int],
    box: list[int] | None,
    multimask: bool,
) -> None:
    assert client.post(SEGMENT, json={"image": PHOTO, **fields}).status_code == 200
    prompt, asked = sam.asked_for[-1]
    assert (prompt.points.tolist(), prompt.labels.tolist(), asked) == (points, labels, multimask)
    assert (None if prompt.box is None else prompt.box.tolist()) == box
    assert prompt.mask is None


def test_the_mask_of_the_last_request_goes_in_again(client: FlaskClient, sam: FakePromptEngine) -> None:
    again = {"image": PHOTO, "image_id": "a", "has_mask_input": True, **CLICK}
    assert client.post(SEGMENT, json=again).status_code == 200  # nothing is kept: no error
    assert sam.asked_for[-1][0].mask is None
    client.post(SEGMENT, json=again)
    kept = sam.asked_for[-1][0].mask
    assert kept is not None
    assert (kept > 0).sum() == 80
    client.post(SEGMENT, json=again | {"use_mask_input_cache": False})
    assert sam.asked_for[-1][0].mask is None
    client.post(SEGMENT, json={"image": PHOTO, "image_id": "a", "mask_input": [], **CLICK})
    assert not sam.asked_for[-1][0].mask.any()  # what is sent, where nothing says that the last one goes in again
    client.post(SEGMENT, json=again | {"image": OTHER})
    assert sam.asked_for[-1][0].mask is None  # it was another picture's


@pytest.mark.parametrize(
    "fields",
    [
        {"mask_input": [[[4, 4], [9, 4], [9, 9], [4, 9]], [[20, 20], [20, 20]]]},
        {"mask_input": b64(np.pad(np.ones((6, 6)), ((4, 22), (4, 22)))[None, None]), "mask_input_format": "binary"},
    ],
)
def test_a_mask_to_start_from(client: FlaskClient, sam: FakePromptEngine, fields: dict[str, Any]) -> None:
    assert client.post(SEGMENT, json={"image": PHOTO, "has_mask_input": True, **fields}).status_code == 200
    mask = sam.asked_for[-1][0].mask
    assert mask is not None
    assert (mask.shape, mask.dtype) == ((32, 32), np.float32)
    assert (mask[4:10, 4:10] == 1).all()
    assert mask.sum() in (36, 37)


@pytest.mark.parametrize("form", ["json", "binary"])
def test_an_embedding_that_was_taken_along(client: FlaskClient, sam: FakePromptEngine, form: str) -> None:
    array = np.full((1, 4, 2, 2), 0.5, np.float32)
    given = {"embeddings": array.tolist()} if form == "json" else {"embeddings": b64(array), "embeddings_format": form}
    answer = client.post(SEGMENT, json={**given, "orig_im_size": [60, 80], **CLICK})
    assert answer.status_code == 200, answer.json
    assert bounds(answer.json["masks"][0]) == [30, 21, 49, 39]
    assert sam.embedded == 0


ARRAY = np.zeros((1, 4, 2, 2), np.float32)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "neither image nor image_id"),
        ({"image_id": "unknown"}, 400, "no picture is kept under the image_id 'unknown'"),
        ({"image_id": 7}, 422, "image_id is 7"),
        ({"image_id": "a" * 201, "image": PHOTO}, 400, "image_id has 201 characters"),
        ({"image": {"type": "base64", "value": "bm90aGluZw=="}}, 415, "picture"),
        ({"image": PHOTO, "format": "npz"}, 422, "format is 'npz'; it takes json or rle or binary"),
        ({"image": PHOTO, "point_coords": [[1]]}, 422, "point_coords"),
        ({"image": PHOTO, "point_coords": [["1", 2]]}, 422, "point_coords"),
        ({"image": PHOTO, "point_coords": [[1, 2]], "point_labels": [1, 0]}, 400, "1 point_coords and 2 point_labels"),
        ({"image": PHOTO, "point_coords": [[1, 2]], "point_labels": [7]}, 422, "point_labels"),
        ({"image": PHOTO, "point_coords": [[1, 2]], "point_labels": [2]}, 400, "two corners"),
        ({"image": PHOTO, "point_coords": [[1, 2]] * 1001}, 400, "at most 1000"),
        ({"image": PHOTO, "sam_version_id": "vit_b"}, 501, "'vit_b'; there are: fake"),
        ({"image": PHOTO, "sam_version_id": ["vit_b"]}, 422, "sam_version_id"),
        ({"image": PHOTO, "mask_input": "nothing", "mask_input_format": "binary"}, 400, "no base64"),
        ({"image": PHOTO, "mask_input": "bm90aGluZw==", "mask_input_format": "binary"}, 400, "no .npy file"),
        ({"image": PHOTO, "mask_input": b64(ARRAY), "mask_input_format": "binary"}, 400, "takes (1, 1, 32, 32)"),
        ({"image": PHOTO, "mask_input": [1, 2]}, 422, "mask_input"),
        ({"embeddings": ARRAY.tolist()}, 400, "orig_im_size is None"),
        ({"embeddings": ARRAY.tolist(), "orig_im_size": [60, -1]}, 400, "orig_im_size"),
        ({"embeddings": ARRAY.tolist(), "orig_im_size": [60_000, 60_000]}, 413, "at most 50000000"),
        (
            {"embeddings": ARRAY[0].tolist(), "orig_im_size": [6, 8]},
            400,
            "the embedding is 4×2×2; model 'fake' takes 1×4×2×2",
        ),
        ({"embeddings": [[1], [1, 2]], "orig_im_size": [6, 8]}, 422, "embeddings"),
        ({"image": PHOTO, "point_coords": [[1e99, 2]]}, 422, "finite"),
        ({"embeddings": (ARRAY + np.inf).tolist(), "orig_im_size": [6, 8]}, 400, "embeddings holds values"),
        ({"embeddings": ["a"], "orig_im_size": [6, 8]}, 422, "embeddings"),
    ],
)
def test_bad_requests_are_told_why(client: FlaskClient, body: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(SEGMENT, json=body)
    assert answer.status_code == status, answer.json
    assert words in answer.json["message"]


def test_logits_over_the_limit_are_refused_before_they_are_made(client: FlaskClient, sam: FakePromptEngine) -> None:
    body = {"embeddings": ARRAY.tolist(), "orig_im_size": [5000, 10_000], "format": "binary", "multimask_output": True}
    answer = client.post(SEGMENT, json=body)
    assert (answer.status_code, sam.asked_for) == (413, [])
    assert (
        "3 masks of 10000×5000 pixels with their logits are 150 million values; one answer has at most 67 million"
        in answer.json["message"]
    )


def test_other_models_take_no_prompts(engine: FakeEngine, small_png: bytes) -> None:
    app = create_app(Settings(), ready_services(engine))
    answer = app.test_client().post(SEGMENT, json={"image": PHOTO})
    assert answer.status_code == 501
    assert "MASKSERVE_MODEL_STORE/sam/VERSION/" in answer.json["message"]
    assert "make sam STORE=FOLDER" in answer.json["message"]
    app.services.pool.close()


@pytest.mark.parametrize(
    "name", ["sam/vit_h", "sam2/hiera_tiny", "clip/ViT-B-16", "doctr/default", "gaze/L2CS", "lmm/a"]
)
@pytest.mark.parametrize("path", ["/infer/instance_segmentation", "/infer/classification"])
def test_kinds_are_no_projects(client: FlaskClient, path: str, name: str) -> None:
    answer = client.post(path, json={"model_id": name, "image": PHOTO})
    assert answer.status_code == 400
    assert f"POST /{'infer/' if name == 'lmm/a' else ''}{name.split('/')[0]}" in answer.json["message"]


def test_a_served_sam_is_named_by_other_routes(client: FlaskClient) -> None:
    answer = client.post("/infer/instance_segmentation", json={"model_id": "fake/1", "image": PHOTO})
    assert answer.status_code == 400
    assert "POST /sam/segment_image" in answer.json["message"]
    rows = client.get("/model/registry").json["models"]
    assert [(row["model_id"], row["task_type"]) for row in rows] == [("fake/1", "sam")]


@pytest.mark.parametrize(
    "path", ["/sam3/embed_image", "/sam3/visual_segment", "/sam3/concept_segment", "/sam3_3d/infer"]
)
def test_later_generations_are_not_offered(client: FlaskClient, path: str) -> None:
    assert client.post(path, json={"image": PHOTO}).status_code == 501
