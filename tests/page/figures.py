"""`make page`: what the page weighs, how fast it is, and how well it can be read, as a table."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Browser, Page, Route
from pycocotools import mask as mask_api

from container.web.assets import Assets
from tests.conftest import ROOT, Server, encode
from tests.page.barriers import barriers, contrast
from tests.page.conftest import Opener, chromium, running
from tests.page.driving import File, answered, drop, wait_for

FOLDER = ROOT / "container/page"
WHEN_ASKED = ("sample.jpg",)  # is loaded only when somebody wants it
LARGE = (4000, 3000)  # 12 megapixels
WINDOW = (1440, 900)
SLOWER = 4  # times, the processor of a phone
OBJECTS, FRAMES = 100, 120

_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# Milliseconds from the drop to the frame in which masks are drawn, noted by the page itself.
_NOTE_MASKS = """() => {
  addEventListener("drop", () => { window.dropped = performance.now(); }, true);
  const look = () => {
    const canvas = document.querySelector("#stage .masks");
    if (maskserve.app.answer && maskserve.app.photo.bitmap && !canvas.hidden && canvas.width > 300) {
      const later = new MessageChannel();
      later.port1.onmessage = () => { window.seen = performance.now() - window.dropped; };
      later.port2.postMessage("");
    } else requestAnimationFrame(look);
  };
  look();
}"""
# Milliseconds between frames while each has an event to answer.
_FRAMES = """async ([kind, frames]) => {
  const { app, viewer } = maskserve;
  const slider = document.getElementById("confidence");
  const tell = {
    slider: (i) => {
      slider.value = 0.1 + 0.6 * Math.abs(Math.sin(i / 9));
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    },
    hover: (i) => {
      const box = viewer.stage.getBoundingClientRect();
      const at = { clientX: box.x + box.width * (0.5 + 0.45 * Math.sin(i / 7)),
                   clientY: box.y + box.height * (0.5 + 0.45 * Math.cos(i / 5)) };
      viewer.stage.dispatchEvent(new PointerEvent("pointermove", { ...at, bubbles: true, pointerType: "mouse" }));
    },
  }[kind];
  const next = () => new Promise(requestAnimationFrame);
  const times = [];
  let before = await next();
  for (let i = 0; i < frames; i++) {
    tell(i);
    const now = await next();
    times.push(now - before);
    before = now;
  }
  return times;
}"""


def bytes_sent(names: Callable[[str], bool]) -> int:
    """Bytes of the page's files as they are sent, compressed, of those whose names are wanted."""
    from flask import Flask, request

    assets, total = Assets(FOLDER), 0
    for path in FOLDER.rglob("*"):
        name = path.relative_to(FOLDER).as_posix()
        if path.is_file() and names(name):
            with Flask("sizes").test_request_context(headers={"Accept-Encoding": "gzip"}):
                total += len(assets.response(name, request).data)
    return total


def first_paint(browser: Browser, server: Server) -> float:
    """Milliseconds until a phone, which is SLOWER, shows something of the page; it has been there never before."""
    context = browser.new_context(viewport={"width": 375, "height": 812}, has_touch=True, device_scale_factor=3)
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(server.url)
    milliseconds = float(wait_for(page, _FIRST_PAINT))
    context.close()
    return milliseconds


def large_photo() -> bytes:
    """A JPEG of 12 megapixels."""
    photo = np.hstack([skimage.data.astronaut(), skimage.data.astronaut()[:, ::-1]])
    return encode(np.asarray(Image.fromarray(photo).resize(LARGE)), "JPEG", quality=90)


def beyond_the_server(open_page: Opener, server: Server, photo: bytes) -> float:
    """Milliseconds from a dropped photo to its masks, less those that the server took."""
    page = open_page(server, WINDOW)
    wait_for(page, "maskserve.app.facts?.model")
    page.evaluate(_NOTE_MASKS)
    drop(page, File(photo))
    seen = wait_for(page, "window.seen")
    return seen - dict(page.evaluate("maskserve.app.answer.stages"))["total"]


def crowd(seed: int = 0) -> dict[str, Any]:
    """An answer about a photo of 12 megapixels: 100 discs."""
    random, (width, height) = np.random.default_rng(seed), LARGE
    ys, xs = np.ogrid[:height, :width]
    boxes, masks = [], []
    for _ in range(OBJECTS):
        radius = random.uniform(60, 400)
        x, y = random.uniform(radius, width - radius), random.uniform(radius, height - radius)
        disc = ((xs - x) ** 2 + (ys - y) ** 2 < radius**2).astype(np.uint8)
        mask = mask_api.encode(np.asfortranarray(disc))
        masks.append({"size": [height, width], "counts": mask["counts"].decode()})
        boxes.append([x - radius, y - radius, x + radius, y + radius])
    scores = np.sort(random.uniform(0.1, 1, OBJECTS))[::-1].round(3).tolist()
    labels = [f"{('horse', 'person')[i % 2]} {round(100 * score)}%" for i, score in enumerate(scores)]
    return {"labels": labels, "boxes": boxes, "scores": scores, "class_ids": [2, 1] * (OBJECTS // 2), "masks": masks}


def frames(open_page: Opener, server: Server, photo: bytes) -> dict[str, list[float]]:
    """Milliseconds of frames while a slider is moved, and a pointer over the photo, with 100 objects."""
    page, answer = open_page(server, WINDOW), json.dumps(crowd())

    def respond(route: Route) -> None:
        route.fulfill(body=answer, content_type="application/json", headers={"Server-Timing": "total;dur=1"})

    page.route("**/invocations", respond)
    drop(page, File(photo))
    answered(page)
    page.evaluate("maskserve.app.set({ confidence: 0.1 })")
    assert page.evaluate("maskserve.app.shown().length") == OBJECTS
    return {kind: page.evaluate(_FRAMES, [kind, FRAMES]) for kind in ("hover", "slider")}


def percentile(values: list[float], part: float) -> float:
    """The value under which so many of 100 lie."""
    return float(np.percentile(values, part))


def legibility(open_page: Opener, server: Server) -> tuple[int, float]:
    """Barriers, and the least contrast of text: in both themes, empty, with a result, with an error."""
    found, least = 0, 99.0
    photo = encode(skimage.data.astronaut(), "JPEG")

    def look(page: Page) -> None:
        nonlocal found, least
        found, least = found + len(barriers(page)), min(least, contrast(page))

    for scheme in ("light", "dark"):
        page = open_page(server, WINDOW, scheme)
        wait_for(page, "maskserve.app.facts?.model")
        look(page)
        drop(page, File(photo))
        answered(page)
        look(page)
        drop(page, File(b"no picture"))
        wait_for(page, "maskserve.app.error")
        look(page)
    return found, least


def main() -> None:
    """Measure and print."""
    rows = [
        ("page, all files, compressed", "≤ 100 KB", f"{bytes_sent(lambda name: name not in WHEN_ASKED) / 1000:.1f} KB"),
        ("its sample photo, when it is asked for", "", f"{bytes_sent(lambda name: name in WHEN_ASKED) / 1000:.1f} KB"),
    ]
    photo = large_photo()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        root, opener = Path(folder), Opener(browser)
        for name in ("fake", "real"):
            (root / name).mkdir()
        with running(root / "fake", sys.executable, "-m", "tests.slow_server") as server:
            server.wait()
            paints = sorted(first_paint(browser, server) for _ in range(7))
            rows.append((f"first paint on a phone profile ({SLOWER}× slower CPU)", "≤ 1 s",
                         f"{statistics.median(paints):.0f} ms ({paints[0]:.0f} to {paints[-1]:.0f})"))  # fmt: skip
            for kind, times in frames(opener, server, photo).items():
                rows.append((f"{kind}, {OBJECTS} objects, 12 megapixels", "≤ 50 ms a frame, 95 of 100",
                             f"{percentile(times, 95):.0f} ms (median {percentile(times, 50):.0f})"))  # fmt: skip
            found, least = legibility(opener, server)
        with running(root / "real") as server:
            server.wait()
            waits = []
            for _ in range(5):
                waits.append(beyond_the_server(opener, server, photo))
                time.sleep(1)
            rows.append(("12 megapixels dropped → masks seen, beyond the server's time", "≤ 400 ms",
                         f"{statistics.median(waits):.0f} ms ({min(waits):.0f} to {max(waits):.0f})"))  # fmt: skip
    rows += [
        ("axe-core, both themes, empty, with result, with error", "0 serious or critical", str(found)),
        ("contrast of text, the least", "≥ 4.5", f"{least:.1f}"),
    ]
    print("| figure | goal | measured |\n|---|---|---|")
    print("\n".join(f"| {figure} | {goal} | {measured} |" for figure, goal, measured in rows))


if __name__ == "__main__":
    main()
