"""Runs workflows by Roboflow's client, in a virtual environment of its own.

    python drive_workflows.py PLAN.json OUTCOMES.json

The plan is a list of calls by name: the method, its arguments, and how the client gets its pictures. The outcomes are
what each call returned or raised; pictures that the client decoded are written as PNG beside those that it sent.
"""

import base64
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervision
from inference_sdk import InferenceConfiguration, InferenceHTTPClient, VisualisationResponseFormat
from PIL import Image

PLAN = json.loads(Path(sys.argv[1]).read_text())
FOLDER = Path(PLAN["folder"])
OUTCOMES: dict[str, Any] = {}

# What the client is given for a picture of the folder.
FORMS: dict[str, Callable[[Path], Any]] = {
    "path": str,
    "ndarray": lambda path: cv2.imread(str(path)),
    "pil": Image.open,
    "base64": lambda path: base64.b64encode(path.read_bytes()).decode(),
    "url": lambda path: f"{PLAN['pictures']}/{path.name}",
}


def given(value: Any, form: str) -> Any:
    """A picture, or lists of pictures, as the client gets them."""
    return [given(one, form) for one in value] if isinstance(value, list) else FORMS[form](FOLDER / value)


def plain(value: Any, name: str) -> Any:
    """What the client returned, for JSON; each picture is a file whose name begins with that of the call."""
    if isinstance(value, dict):
        return {key: plain(one, f"{name}-{key}") for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one, f"{name}-{number}") for number, one in enumerate(value)]
    if isinstance(value, Image.Image):
        value.save(FOLDER / f"{name}.png")
        return {"file": f"{name}.png", "type": "pillow", "mode": value.mode}
    if isinstance(value, np.ndarray):
        cv2.imwrite(str(FOLDER / f"{name}.png"), value)  # which takes BGR, as this client says it returns
        return {"file": f"{name}.png", "type": "numpy", "mode": str(value.dtype)}
    return value


def record(name: str, call: Callable[[], Any]) -> None:
    """Make a call, and note what came of it."""
    assert name not in OUTCOMES, name
    try:
        OUTCOMES[name] = {"value": plain(call(), name.replace(" ", "-").replace("/", "-"))}
    except Exception as error:
        told = getattr(error, "api_message", None)
        OUTCOMES[name] = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error) if told is None else told,
        }


def run(call: dict[str, Any]) -> Any:
    """Make one call of the plan."""
    if "write" in call:
        Path(call["write"][0]).write_text(call["write"][1])
    configuration = InferenceConfiguration(
        output_visualisation_format=VisualisationResponseFormat(call.get("format", "numpy")),
        **call.get("configuration", {}),
    )
    client = InferenceHTTPClient(api_url=call["url"], api_key=call.get("key", "any")).configure(configuration)
    if call.get("v0"):
        client.select_api_v0()
    images = {name: given(value, call.get("form", "path")) for name, value in call.get("images", {}).items()}
    return getattr(client, call.get("method", "run_workflow"))(images=images, **call.get("arguments", {}))


def page(url: str, picture: Any, filling: dict[str, Any]) -> Any:
    """The snippet of the client's page; only the address, the key and the picture are others, and its gap is filled."""
    CLIENT = InferenceHTTPClient(api_url=url, api_key="any")

    return CLIENT.run_workflow(
        specification={
            "version": "1.0",
            "inputs": [
                {"type": "InferenceImage", "name": "image"},
                {"type": "InferenceParameter", "name": "my_param"},
            ],
            # ...
            **filling,
        },
        # OR
        # workspace_name="my_workspace_name",
        # workflow_id="my_workflow_id",
        images={
            "image": picture,
        },
        parameters={
            "my_param": 37,
        },
    )


def seen(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """What supervision reads of an answer; the masks go into a file."""
    found = supervision.Detections.from_inference(answer)
    np.save(FOLDER / name, np.zeros(0) if found.mask is None else found.mask)
    return {
        "boxes": found.xyxy.tolist(),
        "scores": [] if found.confidence is None else found.confidence.tolist(),
        "classes": list(map(str, found.data.get("class_name", []))),
        "masks": name,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # guidance of the client, such as on the transport of keys
    for name, call in PLAN["calls"].items():
        record(name, lambda call=call: run(call))
    photo = str(FOLDER / "photo.png")
    record("page as printed", lambda: page(PLAN["url"], photo, {}))
    for name in ("path", "ndarray"):
        shown = given("photo.png", name)
        record(f"page with {name}", lambda shown=shown: page(PLAN["url"], shown, PLAN["filling"]))
    for name in PLAN["read by supervision"]:
        value = OUTCOMES[name].get("value")
        record(f"supervision: {name}", lambda value=value: seen(value[0]["predictions"], f"{len(OUTCOMES)}.npy"))
    Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
