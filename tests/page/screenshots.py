"""`make screenshots`: the page at four widths in both themes as PNG files in a folder, and a sheet of each scene."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Page

from tests.conftest import encode
from tests.page.conftest import Opener, chromium, running
from tests.page.driving import File, answered, drop, wait_for

WINDOWS = ((375, 812), (768, 1024), (1440, 900), (2560, 1440))
SCHEMES = ("light", "dark")
SHEET_ROW = 420  # pixels: the height of each picture on a sheet


def photos() -> dict[str, bytes]:
    """JPEGs and what is no picture, by the name of the scene."""
    person, cat = skimage.data.astronaut(), skimage.data.chelsea()
    turned = person[:, ::-1]
    three = np.hstack([person[:, 60:400], turned[:, 110:450], person[:, 60:400]])
    row = np.hstack([one[:, 60:400] for one in (person, turned, person, turned, person, turned)])
    crowd = np.vstack([row, row[:, ::-1], row, row[:, ::-1]])
    tall = np.asarray(Image.fromarray(cat).resize((770, 512)))
    coffee = np.asarray(Image.fromarray(skimage.data.coffee()).resize((768, 512)))
    panorama = np.hstack([person, tall, coffee, turned, tall[:, ::-1]])
    tiny = np.asarray(Image.fromarray(person[:340]).resize((96, 64)))
    pictures = {"three": three, "crowd": crowd, "tiny": tiny, "panorama": panorama}
    return {name: encode(picture, "JPEG", quality=92) for name, picture in pictures.items()} | {"error": b"no picture"}


def shots(page: Page) -> Iterator[str]:
    """Bring the page into each scene, and yield the scene's name."""
    wait_for(page, "maskserve.app.facts?.model")
    yield "nothing"
    for name, data in photos().items():
        drop(page, File(data, f"{name}.jpg"))
        if name == "error":
            wait_for(page, "maskserve.app.error")
        else:
            answered(page)
            if name == "crowd":
                page.evaluate("maskserve.app.set({ confidence: 0.3 })")
                answered(page)
        page.mouse.move(2, 2)
        page.wait_for_timeout(150)
        yield name
        page.evaluate("maskserve.app.set({ confidence: null })")
    page.locator("#strip .thumb").first.click()
    answered(page)
    for tab in ("display", "take"):
        page.locator(f"#tab-{tab}").click()
        page.wait_for_timeout(150)
        yield tab


def sheet(folder: Path, scene: str) -> None:
    """Put all pictures of a scene side by side."""
    pictures = [Image.open(file) for file in sorted(folder.glob(f"{scene}-*.png"))]
    small = [one.resize((round(one.width * SHEET_ROW / one.height), SHEET_ROW)) for one in pictures]
    rows = [small[i : i + len(WINDOWS)] for i in range(0, len(small), len(WINDOWS))]
    width = max(sum(one.width + 8 for one in row) for row in rows)
    whole = Image.new("RGB", (width, len(rows) * (SHEET_ROW + 8)), "#888")
    for y, row in enumerate(rows):
        x = 0
        for one in row:
            whole.paste(one, (x, y * (SHEET_ROW + 8)))
            x += one.width + 8
    whole.save(folder / f"sheet-{scene}.png")


def main(folder: Path) -> None:
    """Write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes: list[str] = []
    with tempfile.TemporaryDirectory() as base, chromium() as browser, running(Path(base)) as server:
        server.wait()
        for scheme in SCHEMES:
            for window in WINDOWS:
                opener = Opener(browser)
                page = opener(server, window, scheme, touch=window[0] < 1000)
                for scene in shots(page):
                    scenes += [scene] if scene not in scenes else []
                    page.screenshot(path=folder / f"{scene}-{scheme}-{window[0]:04}.png")
                for context in opener.contexts:
                    context.close()
    for scene in scenes:
        sheet(folder, scene)
    print(f"{len(scenes)} scenes are in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "output/screenshots"))
