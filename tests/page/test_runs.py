"""The page of datasets and runs: its figures are those of the API, and its pictures those of the store."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.clients.nucleus_clients import VERSIONS, run
from tests.conftest import Server
from tests.page.conftest import Opener, running
from tests.page.driving import wait_for
from tests.page.stored import Stored, ask, fill

Axe = Callable[[Page], list[str]]
KEY = "for/these=runs"
NONE = "(none)"
# The rows of a table: the texts of its cells.
_ROWS = "(table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"
# The curves in their order as [recall, precision], measured against the grid.
_CURVES = """() => {
  const svg = document.querySelector(".curves svg"), all = [...svg.querySelectorAll(".grid")];
  const [xs, ys] = ["x", "y"].map((axis) => all.flatMap((one) => [1, 2].map((end) => +one.getAttribute(axis + end))));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return [...svg.querySelectorAll(".curve")].map((curve) => [
    curve.textContent,
    [...curve.points].map(({ x, y }) => [(x - left) / (right - left), (bottom - y) / (bottom - top)]),
  ]);
}"""
# The size of an SVG's picture in pixels, and the size that it is drawn at.
_LOADED = """async (one) => {
  const image = new Image();
  image.src = one.href.baseVal;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight, +one.getAttribute("width"), +one.getAttribute("height")];
}"""
_BACKGROUNDS = (
    "(table) => [...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((one) => one.style.background))"
)


@pytest.fixture(scope="module")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store."""
    folder = tmp_path_factory.mktemp("runs")
    command = (sys.executable, "-m", "tests.slow_server")
    with running(folder, *command, MASKSERVE_STORE=str(folder / "store")) as server:
        server.wait()
        yield server


@pytest.fixture(scope="module")
def stored(store_server: Server, astronaut: bytes) -> Stored:
    """What that store holds."""
    return fill(store_server.url, astronaut)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an empty store, behind a key."""
    folder = tmp_path_factory.mktemp("locked")
    command = (sys.executable, "-m", "tests.slow_server")
    settings = {"MASKSERVE_STORE": str(folder / "store"), "MASKSERVE_API_KEY": KEY}
    with running(folder, *command, **settings) as server:
        server.wait()
        yield server


def shown(open_page: Opener, stored: Stored, **more: Any) -> Page:
    """The page with the figures of the run that has been evaluated."""
    page = open_page(stored.url, path=f"/page/runs.html#{stored.dataset}/{stored.run}", **more)
    page.locator("#missed li").first.wait_for()
    return page


def charts(stored: Stored) -> Any:
    """The charts of the evaluation, as the API gives them."""
    return ask(stored.url, f"evaluationsV2/{stored.evaluation}/charts")


def test_the_files_are_open_and_have_the_policy_of_the_page(locked: Server) -> None:
    first = requests.get(f"{locked.url}/", headers={"Accept": "text/html"}, timeout=10)
    runs = requests.get(f"{locked.url}/page/runs.html", timeout=10)
    assert (runs.status_code, runs.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert runs.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert requests.get(f"{locked.url}/page/facts", timeout=10).status_code == 401


def test_an_empty_store_says_what_to_do_once_the_key_is_told(
    open_page: Opener, locked: Server, axe: Axe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page.expect("status of 401")
    page = open_page(locked, path="/page/runs.html")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The store is empty").wait_for()
    expect(page.locator("#pickers")).to_be_hidden()
    assert axe(page) == []
    monkeypatch.setenv("MASKSERVE_API_KEY", KEY)
    run(VERSIONS[-1], locked.url, tmp_path, ["-c", page.locator("pre").inner_text()])
    page.reload()
    page.get_by_role("button", name="Compute").click()
    expect(page.locator("#classes")).to_contain_text("car")
    assert page.get_by_label("Dataset").evaluate("(one) => one.selectedOptions[0].text") == "streets"


def test_without_a_store_there_is_no_link_and_the_server_says_why(open_page: Opener, fake_server: Server) -> None:
    open_page.expect("status of 501")
    page = open_page(fake_server)
    wait_for(page, "maskserve.app.facts")
    expect(page.locator("#runs-link")).to_be_hidden()
    page.goto(f"{fake_server.url}/page/runs.html")
    expect(page.get_by_role("alert").first).to_contain_text("MASKSERVE_STORE names a folder for them")


def test_there_and_back(open_page: Opener, stored: Stored) -> None:
    page = open_page(stored.url)
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("heading", name="This dataset has no runs").wait_for()  # of the newest dataset
    page.get_by_label("Dataset").select_option("crossings")
    page.get_by_role("heading", name="This run has not been evaluated").wait_for()  # the newest run
    assert page.url.endswith(f"/page/runs.html#{stored.dataset}/{stored.later}")
    page.get_by_role("link", name="Photos").click()
    page.locator("#start").wait_for()


def test_curves_and_averages_are_those_of_the_api(open_page: Opener, stored: Stored) -> None:
    page, expected = shown(open_page, stored), charts(stored)
    curves: dict[str, list[list[float]]] = {}
    for point in expected["prCurve"]:
        curves.setdefault(str(point["classLabel"]), []).append([point["recall"], point["precision"]])
    mean = [[some[0][0], sum(one[1] for one in some) / len(some)] for some in zip(*curves.values(), strict=True)]
    drawn = dict(page.evaluate(_CURVES))
    assert set(drawn) == {*curves, ""} == {"car", "bus", "cat", "person", ""}
    for label, curve in {**curves, "": mean}.items():
        for seen, real in zip(drawn[label], curve, strict=True):
            assert seen == pytest.approx(real, abs=0.002), label
    page.get_by_text("Precision as numbers").click()
    numbers = page.locator("#precisions").evaluate(_ROWS)[1:]
    assert {row[0]: row[1:] for row in numbers} == {
        label: [f"{precision:.3f}" for _, precision in curve[::10]] for label, curve in {**curves, "Mean": mean}.items()
    }
    rows = {row[0]: row[1] for row in page.locator("#classes").evaluate(_ROWS)[1:]}
    assert rows == {one["classLabel"]: f"{one['ap']:.3f}" for one in expected["perClassAp"]}
    summary = expected["mapSummary"]
    expect(page.locator("#averages")).to_contain_text(f"AP\n{summary['mapAt5095']:.3f}", use_inner_text=True)


def test_a_class_is_switched_off_by_the_keyboard(open_page: Opener, stored: Stored) -> None:
    page = shown(open_page, stored)
    page.get_by_role("checkbox", name="cat").focus()
    page.keyboard.press("Space")
    assert {label for label, _ in page.evaluate(_CURVES)} == {"car", "bus", "person", ""}
    name = page.locator(".curves svg").get_attribute("aria-label")
    assert name and "person" in name and "cat" not in name


def test_confusions_are_those_of_the_api(open_page: Opener, stored: Stored) -> None:
    page = shown(open_page, stored)
    table = page.locator("#confusion")
    head, *rows = table.evaluate(_ROWS)
    assert head[-1] == NONE == rows[-1][0] and head[1:] == [row[0] for row in rows]
    seen = {(row[0], label): row[i + 1] for row in rows for i, label in enumerate(head[1:])}
    counts = {(one["gtLabel"], one["predLabel"]): str(one["count"]) for one in charts(stored)["confusionMatrix"]}
    assert counts["bus", "car"] == "3"
    assert seen == {key: counts.get(key, "0") for key in seen} | {(NONE, NONE): ""} and counts.keys() <= seen.keys()
    shaded = table.evaluate(_BACKGROUNDS)
    assert [[bool(one) for one in row[1:]] for row in shaded] == [
        [one not in ("0", "") for one in row[1:]] for row in rows
    ]


def test_the_worst_misses_with_their_pictures(open_page: Opener, stored: Stored) -> None:
    page = shown(open_page, stored)
    route = f"evaluationsV2/{stored.evaluation}/examples"
    wrong = ask(stored.url, route, {"match_type": "FP", "sort_by": "confidence", "sort_order": "DESC"})
    titles = [f"{row['pred_raw_label']} {row['confidence']:.2f}" for row in wrong["rows"]]
    assert page.locator("#wrong strong").all_inner_texts() == titles[:6] and titles[0] == "horse 0.99"
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#wrong strong")).to_have_text(titles)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    missed = ask(stored.url, route, {"match_type": "FN", "sort_by": "gt_area", "sort_order": "DESC"})["rows"]
    told = [f"{row['gt_raw_label']} {row['gt_area']:,.0f} px² missed" for row in missed]
    items = page.locator("#missed li")
    assert [" ".join(text.split("\n")[:2]) for text in items.all_inner_texts()] == told
    # The first lies in the item with a picture, the second in one of which only the address is known.
    picture = items.nth(0).locator("image")
    assert picture.evaluate(_LOADED) == [512, 512, 512, 512]
    assert items.nth(0).locator("polygon.truth.thick").first.get_attribute("points") == (
        "300,300 450,300 450,500 300,500"
    )
    assert items.nth(1).locator("image").count() == 0 and items.nth(1).locator("rect.empty").count() == 1
    expect(items.nth(1)).to_contain_text("s3://pictures/4.jpg")


def test_a_run_is_evaluated_when_asked_for(open_page: Opener, stored: Stored) -> None:
    page = open_page(stored.url, path=f"/page/runs.html#{stored.dataset}/{stored.later}")
    assert ask(stored.url, f"modelRun/{stored.later}/evaluationsV2") == []
    page.get_by_role("button", name="Compute").click()
    page.locator("#missed li").first.wait_for()
    (made,) = ask(stored.url, f"modelRun/{stored.later}/evaluationsV2")
    average = ask(stored.url, f"evaluationsV2/{made['id']}/charts")["mapSummary"]["mapAt5095"]
    expect(page.locator("#status")).to_contain_text(f"AP {average:.3f}")
    removed = requests.delete(f"{stored.url}/v1/nucleus/evaluationsV2/{made['id']}", timeout=10)
    assert removed.status_code == 200  # other tests start from a run without one


def test_errors_are_told_in_the_words_of_the_server(open_page: Opener, stored: Stored) -> None:
    open_page.expect("status of 404")
    made = {"name": "short-lived", "reference_id": "net-1"}
    short = ask(stored.url, f"dataset/{stored.dataset}/modelRun/create", made)["model_run_id"]
    page = open_page(stored.url, path=f"/page/runs.html#{stored.dataset}/{short}")
    compute = page.get_by_role("button", name="Compute")
    compute.wait_for()
    route = f"{stored.url}/v1/nucleus/modelRun/{short}"
    assert requests.delete(route, timeout=10).status_code == 200
    compute.click()
    said = requests.post(f"{route}/evaluationsV2", json={}, timeout=10).json()["error"]
    alert = page.locator("#problem")
    expect(alert).to_contain_text(said)
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(open_page: Opener, stored: Stored, axe: Axe, scheme: Literal["light", "dark"], width: int) -> None:
    page = shown(open_page, stored, scheme=scheme, viewport=(width, 800))
    page.get_by_text("Precision as numbers").click()
    assert axe(page) == []


@pytest.mark.parametrize("width", [375, 768, 1440, 2560])
def test_nothing_lies_beside_the_screen(open_page: Opener, stored: Stored, width: int) -> None:
    page = shown(open_page, stored, viewport=(width, 800), touch=width < 1000)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    low = """[...document.querySelectorAll("button, select, label:has(input), summary")].map((one) =>
      one.getBoundingClientRect().height).filter((height) => height > 0 && height < 44)"""
    assert width > 1000 or page.evaluate(low) == []
