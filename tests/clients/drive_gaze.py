"""Every call of Roboflow's client for gazes, in a virtual environment of its own: see drive_inference_sdk.py.

python drive_gaze.py PLAN.json OUTCOMES.json
"""

import asyncio
import base64
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from inference_sdk import InferenceConfiguration, InferenceHTTPClient
from PIL import Image

PLAN = json.loads(Path(sys.argv[1]).read_text())
FOLDER = Path(PLAN["folder"])
OUTCOMES: dict[str, Any] = {}


def record(name: str, call: Callable[..., Any], **given: Any) -> None:
    """Make a call, and note what came of it."""
    try:
        value = call(**given)
        OUTCOMES[name] = {"value": asyncio.run(value) if inspect.iscoroutine(value) else value}
    except Exception as error:
        OUTCOMES[name] = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": getattr(error, "api_message", None) or str(error),
        }


def client(url: str, **configuration: Any) -> InferenceHTTPClient:
    return InferenceHTTPClient(api_url=url, api_key="any").configure(InferenceConfiguration(**configuration))


def given(name: str) -> dict[str, Any]:
    """A picture in every form that the client takes."""
    file = FOLDER / name
    return {
        "path": str(file),
        "url": f"{PLAN['pictures']}/{name}",
        "ndarray": cv2.imread(str(file)),
        "pil": Image.open(file),
        "base64": base64.b64encode(file.read_bytes()).decode(),
    }


def main() -> None:
    files = [str(FOLDER / name) for name in ("photo.png", "cat.png", "mirrored.png")]
    for suffix in ("", "_async"):
        for kind, picture in given("photo.png").items():
            record(f"{kind}{suffix}", getattr(client(PLAN["url"]), f"detect_gazes{suffix}"), inference_input=picture)
        for batch in (1, 2, 8):
            one = client(PLAN["url"], max_batch_size=batch, max_concurrent_requests=2)
            record(f"list {batch}{suffix}", getattr(one, f"detect_gazes{suffix}"), inference_input=files)
        record(f"cat{suffix}", getattr(client(PLAN["url"]), f"detect_gazes{suffix}"), inference_input=files[1])
        record(f"without{suffix}", getattr(client(PLAN["other"]), f"detect_gazes{suffix}"), inference_input=files[0])
    page()


def page() -> None:
    """The snippets of the client's page, with other files; the second awaits the method that it means."""
    CLIENT = InferenceHTTPClient(api_url=PLAN["url"], api_key="ROBOFLOW_API_KEY")
    one, two = (str(FOLDER / name) for name in ("photo.png", "mirrored.png"))
    record("page: one", lambda: CLIENT.detect_gazes(inference_input=one))
    record("page: batch", lambda: CLIENT.detect_gazes(inference_input=[one, two]))

    async def see_async_method() -> Any:
        return await CLIENT.detect_gazes_async(inference_input=one)

    record("page: async", see_async_method)


main()
Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
