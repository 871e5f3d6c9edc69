"""Every call of Roboflow's client against our servers, in a virtual environment of its own.

    python drive_inference_sdk.py PLAN.json OUTCOMES.json

The plan says where the servers, the pictures and the address of the pictures are. The outcomes are what came of each
call by its name: what it returned or raised, and the names of the files that hold what the client sent. Those that the
client encoded itself are written beside the pictures, so that the same bytes can be sent in other ways.
"""

import asyncio
import base64
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import cv2
import inference_sdk
import numpy as np
import supervision
from inference_sdk import InferenceConfiguration, InferenceHTTPClient, VisualisationResponseFormat
from PIL import Image

PLAN = json.loads(Path(sys.argv[1]).read_text())
FOLDER = Path(PLAN["folder"])
SERVED, OTHER = "maskrcnn/1", "cats/1"
NEW = not inference_sdk.__version__.startswith("0.")
OUTCOMES: dict[str, Any] = {}


def plain(value: Any) -> Any:
    """What the client returned, for JSON."""
    if is_dataclass(value):
        return asdict(value)
    if isinstance(value, Image.Image):
        value = np.asarray(value.convert("RGB"))
    if isinstance(value, np.ndarray):
        return {"shape": value.shape, "mean": value.mean(axis=(0, 1)).tolist()}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def record(name: str, call: Callable[..., Any], *given: Any, sent: Sequence[str] = (), **named: Any) -> None:
    """Make a call, and note what came of it; `sent` are the files of its pictures."""
    assert name not in OUTCOMES, name
    try:
        value = call(*given, **named)
        value = asyncio.run(value) if inspect.iscoroutine(value) else value
        OUTCOMES[name] = {"value": plain(value), "sent": sent}
    except Exception as error:
        told = getattr(error, "api_message", None)
        OUTCOMES[name] = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error) if told is None else told,
        }


def client(key: str | None = "any", url: str = PLAN["url"], **configuration: Any) -> InferenceHTTPClient:
    """A client of the open server, with an InferenceConfiguration of these fields."""
    return InferenceHTTPClient(api_url=url, api_key=key).configure(InferenceConfiguration(**configuration))


def path(name: str) -> str:
    return str(FOLDER / name)


def as_jpeg(pixels: np.ndarray, name: str) -> str:
    """The name of a file with the JPEG that the client makes of an array."""
    (FOLDER / name).write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
    return name


def registry() -> None:
    one = client()
    record("unload_all_models at first", one.unload_all_models)
    record("get_server_info", one.get_server_info)
    for suffix in ("", "_async"):
        listed, describe, load, unload, clear = (
            getattr(one, name + suffix)
            for name in (
                "list_loaded_models",
                "get_model_description",
                "load_model",
                "unload_model",
                "unload_all_models",
            )
        )
        record(f"list_loaded_models{suffix} of none", listed)
        record(f"get_model_description{suffix} of what is not loaded", describe, OTHER, allow_loading=False)
        record(f"get_model_description{suffix} loads", describe, OTHER)
        record(f"get_model_description{suffix} of what is loaded", describe, OTHER, allow_loading=False)
        record(f"load_model{suffix}", load, SERVED)
        record(f"selected_model before{suffix}", lambda: one.selected_model)
        record(f"load_model{suffix} as default", load, OTHER, set_as_default=True)
        record(f"selected_model{suffix}", lambda: one.selected_model)
        record(f"list_loaded_models{suffix}", listed)
        record(f"infer with the default model{suffix}", one.infer, path("pair.jpg"), sent=["pair.jpg"])
        record(f"unload_model{suffix}", unload, OTHER)
        record(f"selected_model after{suffix}", lambda: one.selected_model)
        record(f"unload_all_models{suffix}", clear)


def inputs() -> None:
    """Each kind of picture by each method; asynchronous methods of the older version encode files anew."""
    pixels = cv2.imread(path("photo.png"))
    anew = as_jpeg(pixels, "from-array.jpg")
    with Image.open(path("photo.png")) as picture:
        picture.save(path("from-pil.jpg"), format="JPEG")
    from_file = as_jpeg(cv2.imread(path("photo.jpg")), "from-file.jpg")
    kinds = {
        "path": (path("photo.jpg"), "photo.jpg", from_file),
        "png": (path("photo.png"), "photo.png", anew),
        "url": (PLAN["pictures"] + "/photo.jpg", "photo.jpg", "photo.jpg"),
        "ndarray": (pixels, anew, anew),
        "pil": (Image.open(path("photo.png")), "from-pil.jpg", "from-pil.jpg"),
        "base64": (base64.b64encode((FOLDER / "photo.jpg").read_bytes()).decode(), "photo.jpg", "photo.jpg"),
    }
    for kind, (value, sent, sent_async) in kinds.items():
        for method in ("infer", "infer_from_api_v0", "infer_from_api_v1"):
            record(f"{method} {kind}", getattr(client(), method), value, SERVED, sent=[sent])
            asked = getattr(client(), f"{method}_async")
            record(f"{method}_async {kind}", asked, value, SERVED, sent=[sent if NEW else sent_async])


def lists() -> None:
    names = [f"{number}.jpg" for number in range(5)]
    pictures = [path(name) for name in names]
    anew = names if NEW else [as_jpeg(cv2.imread(path(name)), f"anew-{name}") for name in names]
    for batch in (1, 2, 8):
        for together in (1, 2, 4):
            one = client(max_batch_size=batch, max_concurrent_requests=together)
            record(f"infer list {batch} {together}", one.infer, pictures, SERVED, sent=names)
    for batch, together in ((1, 4), (2, 2), (8, 1)):
        one = client(max_batch_size=batch, max_concurrent_requests=together)
        record(f"infer_async list {batch} {together}", one.infer_async, pictures, SERVED, sent=anew)
    for together in (1, 4):
        one = client(max_batch_size=8, max_concurrent_requests=together)
        record(f"infer_from_api_v0 list {together}", one.infer_from_api_v0, pictures, SERVED, sent=names)
        record(f"infer_from_api_v0_async list {together}", one.infer_from_api_v0_async, pictures, SERVED, sent=anew)
    record("infer list of one", client(max_batch_size=8).infer, pictures[:1], SERVED, sent=names[:1])


def states() -> None:
    one = client()
    sure = InferenceConfiguration(confidence_threshold=0.9)
    photo = {"inference_input": path("photo.jpg"), "sent": ["photo.jpg"]}

    def state() -> tuple[str, str | None, float | None]:
        return one.client_mode.value, one.selected_model, one.inference_configuration.confidence_threshold

    record("state at first", state)
    for name, *value in (("use_api_v0",), ("use_model", SERVED), ("use_configuration", sure)):
        with getattr(one, name)(*value):
            record(f"{name} inside", state)
            record(f"{name} infer", one.infer, model_id=SERVED, **photo)
        record(f"{name} after", state)
    one.select_api_v0().select_model(SERVED).configure(sure)
    record("selected", state)
    record("selected infer", one.infer, **photo)
    with one.use_api_v1():
        record("use_api_v1 inside", state)
    record("use_api_v1 after", state)
    one.select_api_v1()
    record("select_api_v1", state)


def on_stream(name: str, one: InferenceHTTPClient, uri: str) -> None:
    """Note each reference and prediction, and the JPEG of each frame."""
    sent: list[str] = []

    def run() -> list[Any]:
        found = []
        for reference, frame, prediction in one.infer_on_stream(uri, model_id=SERVED):
            sent.append(as_jpeg(frame, f"{name}-{len(sent)}.jpg"))
            found.append([Path(reference).name if isinstance(reference, str) else reference, prediction])
        return found

    record(name, run, sent=sent)


def streams() -> None:
    frames = [cv2.resize(cv2.imread(path("photo.jpg")), (256 + 16 * i, 256))[:, :256] for i in range(3)]
    writer = cv2.VideoWriter(path("film.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10, (256, 256))
    for frame in frames:
        writer.write(frame)
    writer.release()
    (FOLDER / "stream").mkdir()
    for frame, name in zip(frames, ("0.jpg", "1.png", "2.bmp"), strict=True):
        cv2.imwrite(path(f"stream/{name}"), frame)
    on_stream("infer_on_stream film", client(), path("film.mp4"))
    on_stream("infer_on_stream folder", client(), path("stream"))
    on_stream("infer_on_stream bmp", client(image_extensions_for_directory_scan=["bmp"]), path("stream"))


def visualisations() -> None:
    given = (path("photo.jpg"), SERVED)
    for form in VisualisationResponseFormat:
        for suffix in ("", "_async"):
            sent = ["from-file.jpg" if suffix and not NEW else "photo.jpg"]
            one = client(visualize_predictions=True, output_visualisation_format=form)
            record(f"v1{suffix} {form.value}", getattr(one, f"infer_from_api_v1{suffix}"), *given, sent=sent)
            for shape in ("image", "image_and_json"):
                asked = getattr(client(format=shape, output_visualisation_format=form), f"infer_from_api_v0{suffix}")
                record(f"v0{suffix} {shape} {form.value}", asked, *given, sent=sent)
    for field, value in (("visualize_labels", True), ("stroke_width", 9)):
        record(f"{field} v1", client(visualize_predictions=True, **{field: value}).infer_from_api_v1, *given)
        record(f"{field} v0", client(format="image_and_json", **{field: value}).infer_from_api_v0, *given)


def downsizing() -> None:
    pixels = cv2.imread(path("photo.png"))
    ratio = 256 / max(pixels.shape[:2])
    small = as_jpeg(cv2.resize(pixels, None, fx=ratio, fy=ratio), "downsized.jpg")
    one = client(client_downsizing_disabled=False, default_max_input_size=256)
    record("downsized v1", one.infer_from_api_v1, path("photo.png"), SERVED, sent=[small])
    record("downsized v0", one.infer_from_api_v0, path("photo.png"), SERVED, sent=[small])
    record("downsized v1 async", one.infer_from_api_v1_async, path("photo.png"), SERVED, sent=[small])
    one = client(client_downsizing_disabled=False, default_max_input_size=4096)
    record("not downsized", one.infer, path("photo.png"), SERVED, sent=["from-array.jpg"])


NO_STEPS = {f"disable_preproc_{step}": True for step in ("contrast", "grayscale", "static_crop")}
# What a configuration asks for, by the name that the tests know it by.
OPTIONS: dict[str, dict[str, Any]] = {
    "confidence": {"confidence_threshold": 0.95},
    "low confidence": {"confidence_threshold": 0.05},
    "class_filter": {"class_filter": ["dog"]},
    "class_filter of none": {"class_filter": ["unicorn"]},
    "iou_threshold": {"confidence_threshold": 0.05, "iou_threshold": 0.9},
    "class_agnostic_nms": {"confidence_threshold": 0.05, "class_agnostic_nms": True},
    "max_detections": {"max_detections": 1},
    "max_candidates": {"confidence_threshold": 0.05, "max_candidates": 2},
    "fast": {"mask_decode_mode": "fast"},
    "tradeoff": {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5},
    "without effect": {
        "count_inference": False,
        "service_secret": "secret",
        "disable_active_learning": True,
        "active_learning_target_dataset": "other",
        "fix_batch_size": True,
        "source": "tests",
        "source_info": "inference_sdk",
    },
    "steps that the model has not": NO_STEPS,
    "wrong confidence": {"confidence_threshold": 1.5},
    "wrong mode": {"mask_decode_mode": "slow"},
}
if NEW:
    OPTIONS |= {word: {"confidence_threshold": word} for word in ("best", "default")}
    OPTIONS |= {form: {"response_mask_format": form} for form in ("polygon", "rle")}


def options() -> None:
    for name, fields in OPTIONS.items():
        for version in ("v0", "v1"):
            asked = getattr(client(**fields), f"infer_from_api_{version}")
            record(f"{name} {version}", asked, path("pair.jpg"), SERVED, sent=["pair.jpg"])
    for off in (False, True):
        one = client(disable_preproc_auto_orientation=off)
        record(f"orientation off {off} v1", one.infer_from_api_v1, path("turned.jpg"), SERVED)
        record(f"orientation off {off} v0", one.infer_from_api_v0, path("turned.jpg"), SERVED)


def in_supervision() -> None:
    """What supervision reads in the answers, masks into files of their own."""
    for form in ("polygon", "rle") if NEW else ("polygon",):
        one = client(response_mask_format=form) if NEW else client()
        for version in ("v0", "v1"):
            answer = getattr(one, f"infer_from_api_{version}")(path("pair.jpg"), SERVED)
            found = supervision.Detections.from_inference(answer)
            np.save(path(f"{form}-{version}.npy"), found.mask)
            seen = {"xyxy": found.xyxy, "classes": found.data["class_name"], "confidence": found.confidence}
            record(f"supervision {form} {version}", dict, {name: value.tolist() for name, value in seen.items()})
    nothing = client(class_filter=["unicorn"]).infer(path("pair.jpg"), SERVED)
    record("supervision of nothing", lambda: len(supervision.Detections.from_inference(nothing)))


def tasks() -> None:
    few = client(confidence_threshold=0.01, max_detections=3)
    array = cv2.imread(path("photo.png"))
    for suffix in ("", "_async"):
        for version in ("v0", "v1"):
            asked = getattr(few, f"infer_from_api_{version}{suffix}")
            for model in (OTHER, "boxes/1", "pose/1", "kinds/1", "areas/1", "yolov8n-seg-640"):
                record(f"{model} {version}{suffix}", asked, array, model)
        several = getattr(client(confidence_threshold=0.01, max_batch_size=2), f"infer{suffix}")
        record(f"kinds/1 list{suffix}", several, [array] * 3, "kinds/1")
        record(f"alias{suffix}", getattr(few, f"get_model_description{suffix}"), "yolov8n-seg-640")
    shown = client(visualize_predictions=True, confidence_threshold=0.01, max_detections=3)
    for model in (OTHER, "boxes/1", "pose/1", "kinds/1"):
        record(f"{model} shown", shown.infer, array, model)
    shown = client(format="image_and_json", confidence_threshold=0.01)
    record("areas/1 shown", shown.infer_from_api_v0, array, "areas/1")
    for version in ("v0", "v1"):
        record(f"steps/1 {version}", getattr(client(), f"infer_from_api_{version}"), array, "steps/1")
        record(f"steps/1 without {version}", getattr(client(**NO_STEPS), f"infer_from_api_{version}"), array, "steps/1")
    unsure = client(confidence_threshold=0.01, keypoint_confidence_threshold=1.0, max_detections=3)
    record("pose/1 sure v1", unsure.infer_from_api_v1, array, "pose/1")
    record("pose/1 sure v0", unsure.infer_from_api_v0, array, "pose/1")


def keys() -> None:
    transports: dict[str, dict[str, str]] = {"default": {}}
    if NEW:
        transports |= {name: {"api_key_transport": name} for name in ("legacy", "both", "header")}
    for transport, fields in transports.items():
        for which, key in (("right", PLAN["key"]), ("wrong", "wrong"), ("no", None)):
            one, in_v0 = client(key, PLAN["locked"], **fields), client(key, PLAN["locked"], **fields).select_api_v0()
            asked: dict[str, tuple[Any, ...]] = {"get_server_info": (one.get_server_info,)}
            for suffix in ("", "_async"):
                for method, *given in (
                    ("list_loaded_models",),
                    ("load_model", "fake"),
                    ("infer", path("photo.jpg"), "fake/1"),
                    ("get_clip_text_embeddings", "a"),
                    ("unload_model", "fake"),
                    ("unload_all_models",),
                ):
                    asked[method + suffix] = (getattr(one, method + suffix), *given)
                asked[f"infer{suffix} in v0"] = (getattr(in_v0, f"infer{suffix}"), path("photo.jpg"), "fake/1")
            for method, call in asked.items():
                record(f"{transport} {which} {method}", *call)


def errors() -> None:
    photo, one, in_v0 = path("photo.jpg"), client(), client().select_api_v0()
    (FOLDER / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no JPEG at all" * 9)
    broken = base64.b64encode((FOLDER / "broken.jpg").read_bytes()).decode()  # sent unread by both versions
    for suffix in ("", "_async"):
        v0, v1 = (getattr(asked, f"infer{suffix}") for asked in (in_v0, one))
        record(f"unknown model v0{suffix}", v0, photo, "nowhere/7")
        record(f"unknown model v1{suffix}", v1, photo, "nowhere/7")
        record(f"unknown model load{suffix}", getattr(one, f"load_model{suffix}"), "nowhere/7")
        record(f"broken picture v0{suffix}", v0, broken, SERVED)
        record(f"broken picture v1{suffix}", v1, broken, SERVED)
        several = getattr(client(max_batch_size=2), f"infer{suffix}")
        record(f"broken picture in a list{suffix}", several, [photo, broken], SERVED)
        record(f"no model{suffix}", v1, photo)
        record(f"no key{suffix}", getattr(client(None).select_api_v0(), f"infer{suffix}"), photo, SERVED)
        record(f"one segment{suffix}", v0, photo, "maskrcnn")
        for method in ("list_loaded_models", "unload_all_models"):
            record(f"{method}{suffix} in v0", getattr(in_v0, method + suffix))
        for method in ("get_model_description", "load_model", "unload_model"):
            record(f"{method}{suffix} in v0", getattr(in_v0, method + suffix), SERVED)
        record(f"unload what is not loaded{suffix}", getattr(one, f"unload_model{suffix}"), "nowhere/7")
    record("broken file", one.infer, path("broken.jpg"), SERVED)


def page() -> None:
    """The calls of each snippet on the client's pages of documentation, with pictures and ids of ours."""
    url = PLAN["pictures"] + "/photo.jpg"

    def start() -> InferenceHTTPClient:
        return InferenceHTTPClient(api_url=PLAN["url"], api_key="any")

    one = start()
    keyed = start().configure(InferenceConfiguration(api_key_transport="header")) if NEW else start()

    def in_a_loop() -> Any:
        asyncio.set_event_loop(loop := asyncio.new_event_loop())
        found = asyncio.get_event_loop().run_until_complete(one.infer_async(url, model_id=SERVED))
        loop.close()
        return found

    def in_blocks() -> list[Any]:
        blocks, found = start(), []
        with blocks.use_api_v0():
            found.append(blocks.infer(url, model_id=SERVED))
        with blocks.use_configuration(InferenceConfiguration(confidence_threshold=0.8)):
            found.append(blocks.infer(url, model_id=SERVED))
        with blocks.use_model(SERVED):
            found.append(blocks.infer(url))
        return [*found, blocks.infer(url, model_id=SERVED)]

    def step_by_step() -> list[Any]:
        steps = start()
        steps.select_api_v0()
        found = [steps.infer(url, model_id=SERVED)]
        steps.configure(InferenceConfiguration(confidence_threshold=0.8))
        found.append(steps.infer(url, model_id=SERVED))
        steps.select_model(model_id=SERVED)
        return [*found, steps.infer(url), steps.infer(url)]

    def stream(uri: str) -> list[Any]:
        return [prediction for _reference, _frame, prediction in one.infer_on_stream(uri, model_id=SERVED)]

    array = cv2.imread(path("photo.png"))
    record("page: address", keyed.infer, url, model_id=SERVED, sent=["photo.jpg"])
    record("page: array", keyed.infer, array, model_id=SERVED, sent=["from-array.jpg"])
    record("page: PIL", keyed.infer, Image.open(path("photo.png")), model_id=SERVED, sent=["from-pil.jpg"])
    record("page: loop", in_a_loop, sent=["photo.jpg"])
    record("page: blocks", in_blocks, sent=["photo.jpg"] * 4)
    record("page: steps", step_by_step, sent=["photo.jpg"] * 4)
    record("page: chain", start().select_api_v0().select_model(SERVED).infer, url, sent=["photo.jpg"])
    record("page: another model", start().select_model(OTHER).infer, url, model_id=SERVED, sent=["photo.jpg"])
    record("page: five at once", one.infer, [url] * 5, model_id=SERVED, sent=["photo.jpg"] * 5)
    films = [f"infer_on_stream film-{number}.jpg" for number in range(3)]
    record("page: film", stream, path("film.mp4"), sent=films)
    record("page: folder", stream, path("stream") + "/")
    record("page: server", one.get_server_info)
    record("page: preload", keyed.load_model, model_id=OTHER)
    record("page: loaded", one.list_loaded_models)
    record("page: description", one.get_model_description, model_id=OTHER, allow_loading=True)
    record("page: load", one.load_model, model_id=OTHER, set_as_default=True)
    record("page: unload", one.unload_model, model_id=OTHER)
    record("page: unload all", one.unload_all_models)


def segments() -> None:
    if not NEW:
        return
    photo, one, batches = "photo.jpg", client(), client(max_batch_size=2)
    click, box = (
        {"points": [{"x": 200, "y": 150, "positive": True}]},
        {"box": {"x": 200, "y": 150, "width": 90, "height": 60}},
    )
    for suffix in ("", "_async"):
        ask, ask_both = (getattr(who, f"sam2_segment_image{suffix}") for who in (one, batches))
        record(f"sam2: one{suffix}", ask, path(photo), [click], sent=[photo])
        record(f"sam2: two{suffix}", ask, path(photo), [click, box], multimask_output=False, sent=[photo])
        record(f"sam2: rle{suffix}", ask, path(photo), [box], mask_input_format="rle", sent=[photo])
        record(f"sam2: none{suffix}", ask, path(photo), sent=[photo])
        record(f"sam2: list{suffix}", ask_both, [path(photo), path(photo)], [click], sent=[photo, photo])
        record(f"sam2: absent{suffix}", ask, path(photo), [click], sam2_version_id="hiera_large")


def unavailable() -> None:
    photo, one, batches = path("photo.jpg"), client(), client(max_batch_size=2)
    asked: dict[str, tuple[Any, ...]] = {
        "get_clip_image_embeddings": (photo,),
        "get_clip_text_embeddings": ("a",),
        "clip_compare": (photo, ["fox", "dog"]),
        "infer_from_yolo_world": (photo, ["fox"]),
    }
    if NEW:
        asked |= {
            "sam3_embed_image": (photo,),
            "sam3_visual_segment": (photo,),
            "sam3_concept_segment": (photo, [{"type": "text", "text": "fox"}]),
            "sam3_3d_infer": (photo, [[0, 0, 9, 0, 9, 9]]),
            "depth_estimation": (photo,),
            "get_image_embeddings": (photo, "resnet50"),
        }
    else:
        asked |= {"detect_gazes": (photo,)}
    for method, given in asked.items():
        for suffix in ("", "_async"):
            record(f"not offered: {method}{suffix}", getattr(one, method + suffix), *given)
    start = one.start_inference_pipeline_with_workflow
    record("not offered: start", start, "film.mp4", workspace_name="mine", workflow_id="count")
    record("not offered: list_inference_pipelines", one.list_inference_pipelines)
    for verb in ("get_{}_status", "pause_{}", "resume_{}", "terminate_{}", "consume_{}_result"):
        record(f"not offered: {verb}", getattr(one, verb.format("inference_pipeline")), "7")
    record("not offered: list of clip", batches.get_clip_image_embeddings, [photo, photo])
    if NEW:
        record("not offered: perception encoder of pictures", one.get_perception_encoder_image_embeddings, photo)
        record("not offered: perception encoder of texts", one.get_perception_encoder_text_embeddings, "a")
        record("refused by the client: detect_gazes", one.detect_gazes, photo)
        record("refused by the client: infer_on_video", one.infer_on_video, path("film.mp4"), SERVED)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # guidance of the client, such as on the transport of keys
    for topic in (registry, inputs, lists, states, streams, visualisations, downsizing, options, in_supervision, tasks):
        topic()
    for topic in (keys, errors, page, segments, unavailable):
        topic()
    Path(sys.argv[2]).write_text(json.dumps(OUTCOMES))
