"""Roboflow's client has text read by a real server, in two versions; what is drawn is what was read."""

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.inference_clients import NEW, OLD, Driven, address_of, corners, run_client
from tests.conftest import Server, StartServer, encode, pixels_of
from tests.drawn_text import HELLO, SIZES, drawn, pixels
from tests.trocr_models import direct, tiny_trocr

DRIVE = Path(__file__).parent / "drive_ocr.py"
FORMS = ["path", "url", "array", "pil", "base64"]
WITH_ASYNC = ["", "_async"]
LINES = ("Invoice no. 1,042", "due on 24 December")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trocr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of TrOCR, which is the only one of its store."""
    return tiny_trocr(tmp_path_factory.mktemp("store") / "trocr" / "trocr-base-printed", seed=3)


@pytest.fixture(scope="module")
def server(start_server: StartServer, trocr: Path) -> Server:
    started = start_server(MASKSERVE_MODEL_STORE=str(trocr.parent.parent))
    started.wait()
    return started


@pytest.fixture(scope="module", params=[NEW, OLD])
def driven(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Driven:
    folder = tmp_path_factory.mktemp(request.param)
    (pictures := folder / "pictures").mkdir()
    for size in SIZES:
        drawn(HELLO, size=size).save(pictures / f"{size}.png")
    drawn(*LINES).save(pictures / "lines.png")
    drawn(" ").save(pictures / "nothing.png")
    lying = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # to be turned by 90 degrees
    turned = drawn(HELLO).rotate(90, expand=True)
    (pictures / "turned.jpg").write_bytes(encode(pixels(turned), "JPEG", quality=95, exif=lying))
    with address_of(pictures) as address:
        plan = {"url": server.url, "folder": str(pictures), "pictures": address, "sizes": SIZES}
        outcomes = run_client(request.param, DRIVE, plan, folder, 200)
    return Driven(request.param, outcomes, pictures, server.url)


def check(answer: dict[str, Any], text: str = HELLO) -> None:
    assert (answer["result"], answer["parent_id"]) == (text, None)
    assert answer["time"] > 0


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_picture_in_each_form(driven: Driven, suffix: str) -> None:
    for form in FORMS:
        check(driven.value(form + suffix))
    for name in ("page", "page, asynchronous"):
        check(driven.value(name))


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_what_is_drawn_is_read(driven: Driven, suffix: str) -> None:
    answers = driven.value(f"sizes{suffix}")
    assert len(answers) == len(SIZES)
    for answer in answers:
        check(answer)
    check(driven.value(f"turned{suffix}"))
    check(driven.value(f"lines{suffix}"), " ".join(LINES))
    check(driven.value(f"nothing{suffix}"), "")


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_words_have_boxes(driven: Driven, suffix: str) -> None:
    if driven.version == NEW:
        width, height = drawn(HELLO).size
        for name in ("boxes", "easy_ocr", "pp_ocr"):
            answer = driven.value(name + suffix)
            check(answer)
            assert answer["image"] == {"width": width, "height": height}
            hello, number = answer["predictions"]
            assert (hello["class"], number["class"]) == ("HELLO", "42")
            assert 30 < corners(hello)[0] < corners(hello)[2] < corners(number)[0] + 12 < corners(number)[2] < width


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_trocr_reads_what_transformers_read(driven: Driven, trocr: Path, suffix: str) -> None:
    expected = direct(trocr, pixels_of((driven.folder / "24.png").read_bytes()))
    assert expected
    check(driven.value(f"trocr{suffix}"), expected)


def test_the_reader_is_listed(driven: Driven) -> None:
    rows = requests.get(driven.url + "/model/registry", timeout=10).json()["models"]
    assert ("ocr/pp-ocr", "ocr") in [(row["model_id"], row["task_type"]) for row in rows]
