"""CLIP by Roboflow's client, in a virtual environment of its own.

    python drive_clip.py PLAN.json OUTCOMES.json

The outcomes are what each call returned or raised, by its name.
"""

import asyncio
import base64
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from inference_sdk import InferenceConfiguration, InferenceHTTPClient
from PIL import Image

PLAN = json.loads(Path(sys.argv[1]).read_text())
OUTCOMES: dict[str, Any] = {}


def record(name: str, call: Callable[..., Any], *given: Any, **named: Any) -> None:
    """Make a call, and note what came of it."""
    assert name not in OUTCOMES, name
    try:
        value = call(*given, **named)
        OUTCOMES[name] = {"value": asyncio.run(value) if inspect.iscoroutine(value) else value}
    except Exception as error:
        told = getattr(error, "api_message", None)
        OUTCOMES[name] = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error) if told is None else told,
        }


def page(CLIENT: InferenceHTTPClient) -> list[Any]:  # as the page has it
    """The snippet of the client's page as printed but for the client, and what its calls return."""
    return [
        CLIENT.get_clip_image_embeddings(inference_input="./my_image.jpg"),  # single image request
        CLIENT.get_clip_image_embeddings(
            inference_input=["./my_image.jpg", "./other_image.jpg"]
        ),  # batch image request
        CLIENT.get_clip_text_embeddings(text="some"),  # single text request
        CLIENT.get_clip_text_embeddings(text=["some", "other"]),  # other text request
        CLIENT.clip_compare(
            subject="./my_image.jpg",
            prompt=["fox", "dog"],
        ),
    ]


async def asynchronous_page(CLIENT: InferenceHTTPClient) -> list[Any]:
    """The snippet of the asynchronous methods."""

    async def see_async_method() -> list[Any]:
        return [
            await CLIENT.get_clip_image_embeddings_async(inference_input="./my_image.jpg"),
            await CLIENT.get_clip_image_embeddings_async(inference_input=["./my_image.jpg", "./other_image.jpg"]),
            await CLIENT.get_clip_text_embeddings_async(text="some"),
            await CLIENT.get_clip_text_embeddings_async(text=["some", "other"]),
            await CLIENT.clip_compare_async(
                subject="./my_image.jpg",
                prompt=["fox", "dog"],
            ),
        ]

    return await see_async_method()


def calls(client: InferenceHTTPClient, suffix: str) -> None:
    """Every combination, by the methods with this suffix."""
    one, other = "my_image.png", "other_image.png"
    images, texts, compare = (
        getattr(client, name + suffix)
        for name in ("get_clip_image_embeddings", "get_clip_text_embeddings", "clip_compare")
    )
    forms = {
        "path": one,
        "url": f"{PLAN['pictures']}/{one}",
        "ndarray": cv2.imread(one),
        "pil": Image.open(one),
        "base64": base64.b64encode(Path(one).read_bytes()).decode(),
    }
    for name, value in forms.items():
        record(f"{name}{suffix}", images, value)
        record(f"compare {name}{suffix}", compare, value, ["dog"])
    record(f"list{suffix}", images, [one, other, one])
    record(f"version{suffix}", images, one, clip_version="small")
    record(f"text version{suffix}", texts, "dog", clip_version="small")
    record(f"compare version{suffix}", compare, one, "dog", clip_version="small")
    record(f"image text{suffix}", compare, one, "dog")
    record(f"image texts{suffix}", compare, one, ["dog", "cat"])
    record(f"image named texts{suffix}", compare, one, {"a": "dog", "b": "cat"})
    record(f"image image{suffix}", compare, one, other, prompt_type="image")
    record(f"image images{suffix}", compare, one, [one, other], prompt_type="image")
    record(f"text texts{suffix}", compare, "dog", ["dog", "cat"], subject_type="text")
    record(f"text images{suffix}", compare, "dog", [one, other], subject_type="text", prompt_type="image")
    record(f"nine texts{suffix}", texts, ["dog"] * 9)
    record(f"long text{suffix}", texts, "dog " * 30)
    record(f"unknown version{suffix}", images, one, clip_version="RN50")
    batches = InferenceConfiguration(max_batch_size=8, max_concurrent_requests=2)
    with client.use_configuration(batches):
        record(f"batch{suffix}", images, [one, other] * 5)


def workflow(client: InferenceHTTPClient) -> Any:
    """A workflow that names the class of a picture."""
    step = {"type": "roboflow_core/clip_comparison@v2", "name": "clip", "images": "$inputs.image"}
    outputs = {"similarities": "similarities", "top": "most_similar_class", "found": "classification_predictions"}
    return client.run_workflow(
        specification={
            "version": "1.0",
            "inputs": [
                {"type": "InferenceImage", "name": "image"},
                {"type": "InferenceParameter", "name": "classes"},
            ],
            "steps": [{**step, "classes": "$inputs.classes", "version": "small"}],
            "outputs": [
                {"type": "JsonField", "name": name, "selector": f"$steps.clip.{output}"}
                for name, output in outputs.items()
            ],
        },
        images={"image": "my_image.png"},
        parameters={"classes": ["dog", "cat"]},
    )


def chapter() -> dict[str, Any]:
    """What the code of the documentation makes."""
    made: dict[str, Any] = {}
    exec(PLAN["chapter"], made)
    return {name: made[name] for name in ("vector", "vectors", "scores", "named", "alike")}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.chdir(PLAN["folder"])
    client = InferenceHTTPClient(api_url=PLAN["url"], api_key="any")
    record("page", page, client)
    record("page_async", asynchronous_page, client)
    calls(client, "")
    calls(client, "_async")
    record("workflow", workflow, client)
    record("chapter", chapter)
    record("registry", lambda: client.list_loaded_models().models)
    OUTCOMES["registry"]["value"] = [[row.model_id, row.task_type] for row in OUTCOMES["registry"]["value"]]
    Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
