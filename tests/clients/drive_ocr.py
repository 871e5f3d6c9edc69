"""Reads text by Roboflow's client, in a virtual environment of its own; see drive_inference_sdk.py."""

import asyncio
import base64
import json
import sys
import warnings
from pathlib import Path

import cv2
from drive_inference_sdk import NEW, OUTCOMES, PLAN, client, path, record
from inference_sdk import InferenceHTTPClient
from PIL import Image


def ocr() -> None:
    one, two = client(), client(max_batch_size=2)
    photo = path("24.png")
    forms = {
        "path": photo,
        "url": f"{PLAN['pictures']}/24.png",
        "array": cv2.imread(photo),
        "pil": Image.open(photo),
        "base64": base64.b64encode(Path(photo).read_bytes()).decode(),
    }
    for suffix in ("", "_async"):
        read, read_two = getattr(one, "ocr_image" + suffix), getattr(two, "ocr_image" + suffix)
        for form, picture in forms.items():
            record(f"{form}{suffix}", read, picture)
        record(f"sizes{suffix}", read_two, [path(f"{size}.png") for size in PLAN["sizes"]])
        record(f"turned{suffix}", read, path("turned.jpg"))
        record(f"lines{suffix}", read, path("lines.png"), version="default")
        record(f"nothing{suffix}", read, path("nothing.png"))
        record(f"trocr{suffix}", read, photo, model="trocr")
        if NEW:
            record(f"boxes{suffix}", read, photo, generate_bounding_boxes=True)
            for model in ("easy_ocr", "pp_ocr"):
                more = {"quantize": True, "language_codes": ["en"], "generate_bounding_boxes": True}
                record(f"{model}{suffix}", read, photo, model=model, **more)


def page() -> None:
    """As the page of the client prints them, but for the address, the key and the file."""
    CLIENT = InferenceHTTPClient(api_url=PLAN["url"], api_key="ROBOFLOW_API_KEY")

    def snippet() -> object:
        result = CLIENT.ocr_image(inference_input=path("24.png"))  # single image request
        return result

    def asynchronous_snippet() -> object:
        loop = asyncio.new_event_loop()
        # The page awaits `ocr_image`, which is not awaitable.
        result = loop.run_until_complete(CLIENT.ocr_image_async(inference_input=path("24.png")))
        return result

    record("page", snippet)
    record("page, asynchronous", asynchronous_snippet)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for topic in (ocr, page):
        topic()
    Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
