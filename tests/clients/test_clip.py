"""CLIP by Roboflow's client in two versions against a real server; what it answers is what transformers answers."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from tests.clients.inference_clients import NEW, VERSIONS, Driven, address_of, run_client
from tests.clip_models import DirectClip, cosines, tiny_clip
from tests.conftest import ROOT, Server, StartServer, encode, pixels_of

DRIVE = Path(__file__).parent / "drive_clip.py"
SECONDS = 100
CHAPTER = (ROOT / "docs" / "core-models.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"test_clip\.py runs it, .*? -->\n```python\n(.*?)```", CHAPTER, re.DOTALL)
PICTURES = {"my_image": skimage.data.astronaut()[:300], "other_image": skimage.data.chelsea()}
TEXTS = ["dog", "cat"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 60)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    tiny_clip(root / "clip/ViT-B-16")
    tiny_clip(root / "clip/small", seed=1)
    return root


@pytest.fixture(scope="module")
def direct(store: Path) -> dict[str, DirectClip]:
    return {name: DirectClip(store / "clip" / name) for name in ("ViT-B-16", "small")}


@pytest.fixture(scope="module")
def served(start_server: StartServer, store: Path) -> Server:
    started = start_server(MASKSERVE_MODEL_STORE=str(store))
    started.wait()
    return started


Drive = Callable[[str], Driven]


@pytest.fixture(scope="module")
def drive(served: Server, tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Make all calls of a version, once."""

    @functools.cache
    def drive(version: str) -> Driven:
        folder = tmp_path_factory.mktemp(version)
        (pictures := folder / "pictures").mkdir()
        for name, pixels in PICTURES.items():
            (pictures / f"{name}.png").write_bytes(encode(pixels))
            (pictures / f"{name}.jpg").write_bytes(encode(pixels, "JPEG", quality=92))
        with address_of(pictures) as address:
            code = CODE.replace("http://localhost:8080", served.url).replace("photo.jpg", "my_image.jpg")
            plan = {"url": served.url, "folder": str(pictures), "pictures": address, "chapter": code}
            outcomes = run_client(version, DRIVE, plan, folder, SECONDS)
        return Driven(version, outcomes, pictures, served.url)

    return drive


@pytest.fixture(params=VERSIONS)
def driven(request: pytest.FixtureRequest, drive: Drive) -> Driven:
    return drive(request.param)


def pixels(driven: Driven, name: str, sent: str) -> np.ndarray:
    """The pixels of a picture as the server sees it: the client sends some as JPEG."""
    file = driven.folder / name
    if sent == "file":
        return pixels_of(file.read_bytes())
    return pixels_of(cv2.imencode(".jpg", cv2.imread(str(file)))[1].tobytes())


def check(answers: Any, expected: np.ndarray, least: float = 0.9999) -> None:
    """Assert that embeddings are the expected ones, and that the rest of each answer is there."""
    answers = answers if isinstance(answers, list) else [answers]
    found = [vector for answer in answers for vector in answer["embeddings"]]
    assert len(found) == len(expected)
    assert cosines(found, expected).min() > least
    assert all(answer["frame_id"] is None and answer["time"] >= 0 for answer in answers)


@pytest.mark.parametrize("suffix", ["", "_async"])
def test_the_page_as_printed(driven: Driven, direct: dict[str, DirectClip], suffix: str) -> None:
    one, both, text, texts, compared = driven.value(f"page{suffix}")
    clip = direct["ViT-B-16"]
    pictures = clip.pictures([pixels(driven, f"{name}.jpg", "file") for name in PICTURES])
    least = 0.9999 if driven.version == NEW or not suffix else 0.98  # the old one encodes them anew
    check(one, pictures[:1], least)
    check(both, pictures, least)
    check(text, clip.texts(["some"]))
    check(texts, clip.texts(["some", "other"]))
    expected = cosines(pictures[[0, 0]], clip.texts(["fox", "dog"]))
    assert compared["similarity"] == pytest.approx(expected, abs=1e-4 if least > 0.99 else 0.1)
    assert compared["parent_id"] is compared["frame_id"] is None


@pytest.mark.parametrize("suffix", ["", "_async"])
@pytest.mark.parametrize("form", ["path", "url", "ndarray", "pil", "base64"])
def test_forms_of_a_picture(driven: Driven, direct: dict[str, DirectClip], form: str, suffix: str) -> None:
    clip = direct["ViT-B-16"]
    exact = clip.pictures([pixels(driven, "my_image.png", "file")])
    check(driven.value(form + suffix), exact, 0.98)  # some are sent as JPEG
    (score,) = driven.value(f"compare {form}{suffix}")["similarity"]
    assert score == pytest.approx(cosines(exact, clip.texts(["dog"]))[0], abs=0.1)


def test_forms_that_are_sent_as_they_are(driven: Driven, direct: dict[str, DirectClip]) -> None:
    exact = direct["ViT-B-16"].pictures([pixels(driven, "my_image.png", "file")])
    for form in ("path", "url", "base64", "url_async", "base64_async"):
        check(driven.value(form), exact)
    encoded = direct["ViT-B-16"].pictures([pixels(driven, "my_image.png", "jpeg")])
    check(driven.value("ndarray"), encoded)


def test_lists_and_batches(driven: Driven) -> None:
    for suffix in ("", "_async"):
        listed = [one["embeddings"] for one in driven.value(f"list{suffix}")]
        assert listed[0] == listed[2] != listed[1]
        batch = driven.value(f"batch{suffix}")
        assert len(batch) == 10
        check(batch, np.array([listed[i % 2][0] for i in range(10)]))


@pytest.mark.parametrize("suffix", ["", "_async"])
def test_versions(driven: Driven, direct: dict[str, DirectClip], suffix: str) -> None:
    picture = direct["small"].pictures([pixels(driven, "my_image.png", "file")])
    text = direct["small"].texts(["dog"])
    check(driven.value(f"version{suffix}"), picture, 0.98)
    check(driven.value(f"text version{suffix}"), text)
    assert driven.value(f"compare version{suffix}")["similarity"] == pytest.approx(cosines(picture, text), abs=0.1)


@pytest.mark.parametrize("suffix", ["", "_async"])
def test_comparisons(driven: Driven, direct: dict[str, DirectClip], suffix: str) -> None:
    clip = direct["ViT-B-16"]
    one, other = clip.pictures([pixels(driven, f"{name}.png", "file") for name in PICTURES])
    dog, cat = clip.texts(TEXTS)

    def similarity(name: str) -> Any:
        return driven.value(name + suffix)["similarity"]

    def expected(subject: np.ndarray, *prompts: np.ndarray) -> Any:
        return pytest.approx(cosines([subject] * len(prompts), prompts), abs=0.1 if suffix else 1e-4)

    assert similarity("image text") == expected(one, dog)
    assert similarity("image texts") == expected(one, dog, cat)
    assert list(similarity("image named texts")) == ["a", "b"]
    assert [*similarity("image named texts").values()] == expected(one, dog, cat)
    assert similarity("image image") == expected(one, other)
    assert similarity("image images") == expected(one, one, other)
    assert similarity("text texts") == expected(dog, dog, cat)
    assert similarity("text images") == expected(dog, one, other)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("nine texts", 400, "text holds 9 texts; one request takes 1 to 8"),
        ("long text", 400, "has 32 tokens; model 'ViT-B-16' takes 20"),
        ("unknown version", 501, "no weights for clip_version_id 'RN50'; there are: ViT-B-16, small"),
    ],
)
def test_errors_say_what_to_do(driven: Driven, name: str, status: int, words: str) -> None:
    kind, told, message = driven.error(name)
    assert (kind, told) == ("HTTPCallErrorError", status)
    assert words in message
    assert driven.error(f"{name}_async")[1] == status


def test_a_workflow(driven: Driven) -> None:
    (row,) = driven.value("workflow")
    assert row["similarities"] == pytest.approx(
        [driven.value("compare version")["similarity"][0], row["similarities"][1]], abs=0.02
    )
    assert row["top"] == TEXTS[int(np.argmax(row["similarities"]))] == row["found"]["top"]
    assert [one["class"] for one in row["found"]["predictions"]][0] == row["top"]


def test_the_registry(driven: Driven) -> None:
    rows = dict(driven.value("registry"))
    assert rows["clip/ViT-B-16"] == rows["clip/small"] == "clip"


def test_the_chapter_runs_as_it_is_printed(driven: Driven, direct: dict[str, DirectClip]) -> None:
    made, clip = driven.value("chapter"), direct["ViT-B-16"]
    picture = clip.pictures([pixels(driven, "my_image.jpg", "file")])
    assert cosines([made["vector"]], picture).min() > 0.9999
    assert cosines(made["vectors"], clip.texts(["a photo of a cat", "a dog"])).min() > 0.9999
    assert made["scores"] == pytest.approx(cosines(picture[[0, 0]], clip.texts(["cat", "dog"])), abs=1e-4)
    assert made["named"] == pytest.approx(made["scores"][0])
    assert made["alike"] == pytest.approx([1])
