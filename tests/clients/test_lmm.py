"""Roboflow's client asks language models about pictures, on a real server, and gets what transformers answers."""

import base64
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import skimage.data

from tests.clients.inference_clients import NEW, OLD, Driven, address_of, run_client
from tests.conftest import Server, StartServer, encode, pixels_of
from tests.language_models import change, direct, tiny_llava, tiny_qwen2_vl

DRIVE = Path(__file__).parent / "drive_lmm.py"
SECONDS = 200  # it took 5 on two cores that five other processes used
PROMPT = "what is in the picture ?"
GREY = np.full((48, 64, 3), 128, np.uint8)  # its JPEG is the same
PHOTO = encode(skimage.data.astronaut()[:200, :150], "JPEG", quality=92)
FORMS = ["path", "url", "array", "pil", "base64"]
WITH_ASYNC = ["", "_async"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models, one of which goes on until it may not."""
    root = tmp_path_factory.mktemp("store")
    tiny_llava(root / "lmm/llava")
    tiny_qwen2_vl(root / "lmm/qwen")
    change(tiny_llava(root / "lmm/endless") / "generation_config.json", eos_token_id=None)
    return root


@pytest.fixture(scope="module")
def served(start_server: StartServer, store: Path) -> Server:
    started = start_server(MASKSERVE_MODEL_STORE=str(store), MASKSERVE_LMM="lmm/llava")
    started.wait()
    return started


@pytest.fixture(scope="module", params=[NEW, OLD])
def driven(request: pytest.FixtureRequest, served: Server, tmp_path_factory: pytest.TempPathFactory) -> Driven:
    folder = tmp_path_factory.mktemp(request.param)
    (pictures := folder / "pictures").mkdir()
    (pictures / "grey.png").write_bytes(encode(GREY))
    (pictures / "photo.jpg").write_bytes(PHOTO)
    with address_of(pictures) as address:
        plan = {"url": served.url, "folder": str(pictures), "pictures": address}
        outcomes = run_client(request.param, DRIVE, plan, folder, SECONDS)
    return Driven(request.param, outcomes, pictures, served.url)


@pytest.fixture
def most(driven: Driven) -> int:
    """The tokens of an answer: CogVLM's route is asked for no number."""
    return 8 if driven.version == NEW else 256


@functools.cache
def expected(folder: Path, picture: str, most: int) -> str:
    return direct(folder, GREY if picture == "grey" else pixels_of(PHOTO), PROMPT, most)


def check(answer: dict[str, Any], said: str, size: tuple[int, int]) -> None:
    assert answer["response"] == said
    assert answer["image"] == {"width": size[0], "height": size[1]}
    assert answer["inference_id"] and answer["time"] > 0


@pytest.mark.parametrize("suffix", WITH_ASYNC)
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_in_each_form(driven: Driven, store: Path, most: int, form: str, suffix: str) -> None:
    check(driven.value(form + suffix), expected(store / "lmm/llava", "grey", most), (64, 48))


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_several_pictures(driven: Driven, store: Path, most: int, suffix: str) -> None:
    for name in [f"list{suffix}", *([f"together{suffix}"] if driven.version == NEW else [])]:
        first, second = driven.value(name)
        check(first, expected(store / "lmm/llava", "grey", most), (64, 48))
        assert second["image"] == {"width": 150, "height": 200}
        if driven.version == NEW:  # the older one's asynchronous methods encode files anew
            check(second, expected(store / "lmm/llava", "photo", most), (150, 200))


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_other_ways_to_name_a_model(driven: Driven, store: Path, suffix: str) -> None:
    if driven.version == NEW:
        check(driven.value(f"in path{suffix}"), expected(store / "lmm/llava", "grey", 8), (64, 48))
        check(driven.value(f"photo{suffix}"), expected(store / "lmm/qwen", "photo", 8), (150, 200))
        assert driven.error(f"absent{suffix}")[:2] == ("HTTPCallErrorError", 501)
        assert driven.error(f"too many{suffix}")[:2] == ("HTTPCallErrorError", 400)


@pytest.mark.parametrize("suffix", WITH_ASYNC)
def test_a_conversation(driven: Driven, suffix: str) -> None:
    if driven.version == OLD:
        with_history, without = driven.value(f"history{suffix}"), driven.value(f"path{suffix}")
        assert with_history["response"] != without["response"]
        assert driven.value("page")["response"]


def ask(server: Server, **body: Any) -> requests.Response:
    image = {"type": "base64", "value": base64.b64encode(encode(GREY)).decode()}
    asked = {"model_id": "endless", "prompt": PROMPT, "image": image, "max_new_tokens": 1024}
    return requests.post(f"{server.url}/infer/lmm", json=asked | body, timeout=60)


def test_other_models_answer_meanwhile(served: Server) -> None:
    """And a generation that nobody waits for any more gives way."""
    assert ask(served, max_new_tokens=1).status_code == 200  # loaded
    photo = base64.b64encode(PHOTO).decode()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(ask, served)
        time.sleep(0.2)
        pings = []
        for _ in range(5):
            begun = time.monotonic()
            assert requests.get(f"{served.url}/ping", timeout=10).status_code == 200
            pings.append(time.monotonic() - begun)
        body = {"model_id": "maskrcnn/1", "image": {"type": "base64", "value": photo}}
        other = requests.post(f"{served.url}/infer/instance_segmentation", json=body, timeout=30)
        assert other.status_code == 200, other.text
        assert not asked.done(), "the generation was over before the other model had answered"
        assert asked.result().status_code == 200
    assert min(pings) < 0.5


def test_a_client_that_is_gone_ends_its_generation(served: Server) -> None:
    begun = time.monotonic()
    assert ask(served).status_code == 200
    whole = time.monotonic() - begun
    with pytest.raises(requests.Timeout):
        image = {"type": "base64", "value": base64.b64encode(encode(GREY)).decode()}
        body = {"model_id": "endless", "prompt": PROMPT, "image": [image] * 20, "max_new_tokens": 1024}
        requests.post(f"{served.url}/infer/lmm", json=body, timeout=(5, 0.5))
    begun = time.monotonic()
    assert ask(served, max_new_tokens=1).status_code == 200
    assert time.monotonic() - begun < max(2, 2 * whole)
    rows = {row["model_id"]: row["task_type"] for row in requests.get(served.url + "/model/registry").json()["models"]}
    assert rows["lmm/endless"] == "lmm"
