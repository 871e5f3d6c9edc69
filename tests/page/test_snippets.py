"""Every snippet of the page, copied by its button and run as it is, gets what the page shows."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page

from container.models import artifact, locate
from tests.clients.inference_clients import check_same, name_of
from tests.clients.stored_models import write_embedded
from tests.conftest import Server, StartServer, pixels_of
from tests.page.conftest import Opener
from tests.page.driving import answered, wait_for
from tests.page.snippet_runs import CLIENTS, SDK, Ran, run
from tests.page.taking import choose, copied, download, give, set_options, shown

KEY = "laptop+key/2026=a"  # in a query, + would be a space
ODD = 'it\'s "a" café, 😀 $HOME \\ `x`'
ODD_PHOTO = 'my "photo\'s" é $HOME `x`.jpg'


@pytest.fixture(scope="module")
def locked(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that asks for a key, whose model has a class with an awkward name."""
    folder = tmp_path_factory.mktemp("odd") / "model"
    labels = artifact.read(locate.EMBEDDED, folder).labels
    write_embedded(folder, name="odd one", labels=tuple(ODD if label == "person" else label for label in labels))
    started = start_server(MASKSERVE_MODEL=str(folder), MASKSERVE_API_KEY=KEY)
    started.wait()
    return started


@pytest.fixture
def photo(astronaut: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(astronaut)
    return path


@pytest.mark.parametrize("client", CLIENTS)
def test_as_it_is(client: str, server: Server, open_page: Opener, photo: Path, tmp_path: Path) -> None:
    page = open_page(server)
    give(page, photo)
    expected, code = shown(page, tmp_path), copied(page, client)
    assert "key" not in code.lower() and server.url in code and len(expected["labels"]) == 1
    check(run(client, code, tmp_path), photo, expected)


@pytest.mark.parametrize("client", CLIENTS)
def test_keys_awkward_names_and_long_options(
    client: str, locked: Server, open_page: Opener, photo: Path, tmp_path: Path
) -> None:
    open_page.expect("status of 401")
    page = open_page(locked)
    page.locator("#key-field").fill(KEY)
    page.get_by_role("button", name="Go on").click()
    photo = photo.rename(photo.with_name(ODD_PHOTO))
    give(page, photo)

    set_options(page, confidence=0.1)
    for label in labels_of(page):
        if label != ODD:
            set_options(page, off=label)
    expected, code = shown(page, tmp_path), copied(page, client)
    assert {name_of(label) for label in expected["labels"]} == {ODD}
    assert KEY not in code and "MASKSERVE_API_KEY" in code
    check(run(client, code, tmp_path, KEY), photo, expected)

    set_options(page, confidence=0.3, colors="instance", opacity=0.25, draw_labels=False)
    overlay = pixels_of(download(page, "Overlay", tmp_path).read_bytes())
    page.get_by_label("with my API key").check()
    code = copied(page, client, picture=True)
    assert KEY in code or quote(KEY, safe="") in code
    picture = pixels_of(run(client, code, tmp_path).picture)
    if client == SDK:
        assert picture.shape == overlay.shape and "opacity = 0.25 is left out" in code
    else:
        np.testing.assert_array_equal(picture, overlay)

    set_options(page, class_filter=[ODD] * 80)  # over the 1,024 characters that SageMaker takes in a header
    wait_for(page, "maskserve.app.answer?.question.includes('class_filter') && !maskserve.app.busy")
    expected, code = shown(page, tmp_path), copied(page, client)
    assert expected["labels"] and (client == SDK or "base64" in code)
    check(run(client, code, tmp_path), photo, expected)


def test_javascript_in_a_browser(server: Server, open_page: Opener, photo: Path, tmp_path: Path) -> None:
    """Of any page of the server that has a field for files."""
    page = open_page(server)
    give(page, photo)
    expected, code = shown(page, tmp_path), copied(page, "JavaScript")
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'mine' }))")
    page.set_input_files("#mine", photo)
    code = code.replace("input[type=file]", "#mine")  # the page's own field is emptied once its photos are taken
    code = code.replace("console.log(JSON.stringify(answer));", "return answer;")
    assert page.evaluate(f"async () => {{ {code} }}") == expected


def test_without_a_clipboard(fake_server: Server, open_page: Opener, photo: Path) -> None:
    """Over plain HTTP and another name than localhost, browsers have none."""
    page = open_page(fake_server)
    give(page, photo)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied", exact=True).wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    assert code.strip() == str(page.locator("#code-text").text_content()).strip()


def test_the_keyboard_chooses_a_client(fake_server: Server, open_page: Opener, photo: Path) -> None:
    page = open_page(fake_server)
    give(page, photo)
    page.get_by_role("tab", name="curl", exact=True).focus()
    for key, name in [
        ("ArrowRight", "boto3"),
        ("End", SDK),
        ("ArrowRight", "curl"),
        ("ArrowLeft", SDK),
        ("Home", "curl"),
    ]:
        page.keyboard.press(key)
        chosen = page.locator("[role=tab][aria-selected=true]:focus")
        assert chosen.text_content() == name
        assert page.locator("#code-text").get_attribute("aria-labelledby") == chosen.get_attribute("id")


@pytest.mark.parametrize("client", CLIENTS)
def test_one_of_several_models(
    client: str, tiny_models: Server, open_page: Opener, photo: Path, tmp_path: Path
) -> None:
    page = open_page(tiny_models)
    choose(page, "kinds")
    give(page, photo)
    expected, code = shown(page, tmp_path), copied(page, client)
    ran = run(client, code, tmp_path)
    if client == SDK:
        found = [(one["class"], one["confidence"]) for one in ran.answer["predictions"]]
        assert [name for name, _ in found] == [name_of(label) for label in expected["labels"]]
        np.testing.assert_allclose([score for _, score in found], expected["scores"], atol=1e-4)
    else:
        assert ran.answer == expected and expected["labels"]


@pytest.mark.parametrize("model", ["areas", "pose"])
def test_other_kinds_of_models_in_roboflows_client(
    model: str, tiny_models: Server, open_page: Opener, photo: Path, tmp_path: Path
) -> None:
    page = open_page(tiny_models)
    choose(page, model)
    give(page, photo)
    confidence = answered(page)["scores"][:3][-1]  # keypoints of hundreds of people take their time
    set_options(page, confidence=confidence)
    answered(page)
    expected, code = shown(page, tmp_path), copied(page, SDK)
    answer = run(SDK, code, tmp_path).answer["predictions"]
    if model == "areas":
        assert f"confidence = {confidence} is left out" in code
        present = {answer["class_map"][str(number)] for number in answer["present_class_ids"] if number}
        assert present == {name_of(label) for label in expected["labels"]}
    else:
        assert [len(one["keypoints"]) for one in answer] == [17] * len(expected["labels"]) and answer


def check(ran: Ran, photo: Path, expected: dict[str, Any]) -> None:
    """Assert that a client got what the page shows."""
    if ran.client == SDK:
        check_same(ran.answer, photo, expected)
    else:
        assert ran.answer == expected


def labels_of(page: Page) -> list[str]:
    """The names of the classes in the answer."""
    labels: list[str] = page.evaluate("[...new Set(maskserve.app.objects.map(({ label }) => label))]")
    return labels
