"""What people do on the page, and what they see there."""

import base64
import time
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import Page

SECONDS = 30

_TRANSFER = """
const transfer = new DataTransfer();
for (const { name, type, data } of files) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type }));
}
"""
_DROP = f"""([files]) => {{
{_TRANSFER}
  const target = document.elementFromPoint(innerWidth / 3, innerHeight / 2);
  for (const type of ["dragenter", "dragover", "drop"]) {{
    target.dispatchEvent(new DragEvent(type, {{ bubbles: true, cancelable: true, dataTransfer: transfer }}));
  }}
}}"""
_PASTE = f"""([files]) => {{
{_TRANSFER}
  const told = {{ bubbles: true, cancelable: true, clipboardData: transfer }};
  document.body.dispatchEvent(new ClipboardEvent("paste", told));
}}"""
_PIXELS = """([name, opacity]) => {
  const canvas = document.querySelector(`#stage .${name}`);
  let { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  if (opacity) data = data.filter((_, i) => i % 4 === 3);
  let text = "";
  for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
  return [canvas.width, canvas.height, btoa(text)];
}"""
# The masks' canvas covers the part of the photo that is seen.
_SEEN = """() => {
  const { viewer } = maskserve, canvas = document.querySelector("#stage .masks"), box = canvas.getBoundingClientRect();
  return [viewer.toImage(box.left, box.top), viewer.toImage(box.right, box.bottom)];
}"""


class File(NamedTuple):
    """A file as a browser has it."""

    data: bytes
    name: str = "photo.jpg"
    type: str = "image/jpeg"


def wait_for(page: Page, expression: str, seconds: float = SECONDS) -> Any:
    """Return the first value of an expression that is true; the page's policy forbids Playwright's own wait."""
    end = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < end, f"{expression} is {value} after {seconds} s"
        page.wait_for_timeout(20)
    return value


def drop(page: Page, *files: File) -> None:
    """Drop files on the page."""
    page.evaluate(_DROP, [_payload(files)])


def paste(page: Page, *files: File) -> None:
    """Paste files into the page."""
    page.evaluate(_PASTE, [_payload(files)])


def _payload(files: tuple[File, ...]) -> list[dict[str, str]]:
    return [{"name": one.name, "type": one.type, "data": base64.b64encode(one.data).decode()} for one in files]


def answered(page: Page) -> dict[str, Any]:
    """Wait for the answer to the current photo, and for its picture, and return the answer's JSON."""
    wait_for(page, "maskserve.app.answer && maskserve.app.photo.bitmap && !maskserve.app.busy")
    rested(page)
    return page.evaluate("maskserve.app.answer.raw")


def rested(page: Page) -> None:
    """Wait until masks are drawn finely."""
    wait_for(
        page,
        "new Promise(requestAnimationFrame).then(() => !maskserve.viewer.frame && (maskserve.viewer.fine || "
        "document.querySelector('#stage .masks').hidden))",
    )


def pixels(page: Page, canvas: str = "masks") -> np.ndarray:
    """The pixels of a canvas of the stage ("photo", "masks", "marks"): height×width×4, uint8."""
    width, height, data = page.evaluate(_PIXELS, [canvas, False])
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def opacities(page: Page, canvas: str = "masks") -> np.ndarray:
    """The opacity of each pixel of a canvas: height×width, uint8."""
    width, height, data = page.evaluate(_PIXELS, [canvas, True])
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width)


def seen(page: Page) -> tuple[tuple[float, float], tuple[float, float]]:
    """The corners, in the photo's pixels, of what the canvas of the masks covers."""
    (left, top), (right, bottom) = page.evaluate(_SEEN)
    return (left, top), (right, bottom)


def shown(page: Page) -> int:
    """How many objects the page shows."""
    return page.evaluate("maskserve.app.shown().length")
