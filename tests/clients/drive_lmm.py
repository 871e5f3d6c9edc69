"""Questions about pictures by Roboflow's client, in a virtual environment of its own; see drive_inference_sdk.py."""

import base64
import json
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
from drive_inference_sdk import NEW, OUTCOMES, PLAN, client, path, record
from inference_sdk import InferenceHTTPClient
from PIL import Image

PROMPT = "what is in the picture ?"
GREY = path("grey.png")


def asked_about(picture: str) -> dict[str, object]:
    """One picture in each form that the client takes."""
    return {
        "path": picture,
        "url": f"{PLAN['pictures']}/grey.png",
        "array": cv2.imread(picture),
        "pil": Image.open(picture),
        "base64": base64.b64encode(Path(picture).read_bytes()).decode(),
    }


def lmm() -> None:
    one, two = client(), client(max_batch_size=2)
    for suffix in ("", "_async"):
        ask, ask_two = getattr(one, "infer_lmm" + suffix), getattr(two, "infer_lmm" + suffix)
        for form, picture in asked_about(GREY).items():
            record(f"{form}{suffix}", ask, picture, "lmm/llava", PROMPT, max_new_tokens=8)
        record(f"in path{suffix}", ask, GREY, "llava", PROMPT, model_id_in_path=True, max_new_tokens=8)
        record(f"photo{suffix}", ask, path("photo.jpg"), "qwen", PROMPT, enable_thinking=False, max_new_tokens=8)
        record(f"list{suffix}", ask, [GREY, path("photo.jpg")], "llava", PROMPT, max_new_tokens=8)
        record(f"together{suffix}", ask_two, [GREY, path("photo.jpg")], "llava", PROMPT, max_new_tokens=8)
        record(f"absent{suffix}", ask, GREY, "florence-2-base", PROMPT)
        record(f"too many{suffix}", ask, GREY, "llava", PROMPT, max_new_tokens=5000)


def cogvlm() -> None:
    one = client()
    for suffix in ("", "_async"):
        ask = getattr(one, "prompt_cogvlm" + suffix)
        for form, picture in asked_about(GREY).items():
            record(f"{form}{suffix}", ask, picture, PROMPT)
        record(f"photo{suffix}", ask, path("photo.jpg"), PROMPT)
        record(f"list{suffix}", ask, [GREY, path("photo.jpg")], PROMPT)
        record(f"history{suffix}", ask, GREY, PROMPT, [("who is it ?", "a cat")])


def page() -> None:
    """As the page of the client prints it, but for the address, the key and the file."""
    CLIENT = InferenceHTTPClient(api_url=PLAN["url"], api_key="ROBOFLOW_API_KEY")

    def snippet() -> object:
        result = CLIENT.prompt_cogvlm(
            visual_prompt=GREY,
            text_prompt="So - what is your final judgement about the content of the picture?",
            chat_history=[("I think the image shows XXX", "You are wrong - the image shows YYY")],
        )
        return result

    record("page", snippet)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    assert np.all(cv2.imread(GREY) == cv2.imread(GREY)[0, 0])
    if NEW:
        lmm()
    else:
        cogvlm()
        page()
    Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
