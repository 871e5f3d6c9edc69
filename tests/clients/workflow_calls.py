"""The calls that Roboflow's client makes for tests/clients/test_workflows.py, by name."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.stored_models import AREAS, BOXES, CATS, KINDS, POSE
from tests.clients.workflow_cases import (
    CASES,
    CROP,
    FOUND,
    IMAGE,
    LENGTH,
    SEG,
    Json,
    compared,
    extracted,
    gated,
    kept,
    model,
    specification,
    step,
)

SERVED = "maskrcnn/1"
LOW = {"confidence": 0.05}
BLOCK = "RoboflowInstanceSegmentationModel"
LONG = "roboflow_core/roboflow_instance_segmentation_model@"
KINDS_OF_BLOCK = [BLOCK, "InstanceSegmentationModel", *(f"{LONG}v{number}" for number in (1, 2, 3, 4))]

# Fields of the block, the options of /invocations that mean the same, and the name of those that it is compared with.
FIELDS: dict[str, tuple[Json, Json, str]] = {
    "without effect": (
        {
            "disable_active_learning": False,
            "active_learning_target_dataset": "other",
            "enforce_dense_masks_in_inference_models": False,
        },
        {},
        "images",
    ),
    "images": ({}, {}, "without effect"),
    "model_id": ({"model_id": CATS}, {}, "images"),
    "confidence": ({"confidence": 0.95}, {"confidence": 0.95}, "images"),
    "low confidence": (LOW, LOW, "images"),
    "class_filter": ({"class_filter": ["dog"]}, {"class_filter": "dog"}, "images"),
    "iou_threshold": (LOW | {"iou_threshold": 0.9}, LOW | {"iou_threshold": 0.9}, "low confidence"),
    "class_agnostic_nms": (
        LOW | {"class_agnostic_nms": True},
        LOW | {"class_agnostic_nms": "true"},
        "low confidence",
    ),
    "max_detections": ({"max_detections": 1}, {"max_detections": 1}, "images"),
    "max_candidates": (LOW | {"max_candidates": 2}, LOW | {"max_candidates": 2}, "low confidence"),
    "fast": ({"mask_decode_mode": "fast"}, {"mask_decode_mode": "fast"}, "images"),
    "tradeoff": (
        {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5},
        {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5},
        "fast",
    ),
}
PAGE_EXAMPLE = {
    "name": "it",
    "type": BLOCK,
    "images": "$inputs.image",
    "model_id": SERVED,
    "class_agnostic_nms": True,
    "class_filter": ["person", "b", "c"],
    "confidence": 0.3,
    "iou_threshold": 0.4,
    "max_detections": 300,
    "max_candidates": 3000,
    "mask_decode_mode": "accurate",
    "tradeoff_factor": 0.3,
    "disable_active_learning": True,
    "active_learning_target_dataset": "my_project",
}
FILLING = {
    "steps": [model("seg", BLOCK, model_id=SERVED)],
    "outputs": [{"type": "JsonField", "name": "predictions", "selector": FOUND}],
}

# What is drawn on the person alone, by steps whose image is the picture; `it` is shown.
RED = {"color_palette": "CUSTOM", "custom_colors": ["#FF0000"]}
DRAWN = {
    "mask": step("it", "MaskVisualization", opacity=1.0, **RED),
    "mask half": step("it", "MaskVisualization", opacity=0.5, **RED),
    "background": step("it", "BackgroundColorVisualization", color="#00FF00", opacity=1.0),
    "background half": step("it", "BackgroundColorVisualization", color="#00FF00"),
    "box": step("it", "BoundingBoxVisualization", thickness=4, **RED),
    "polygon": step("it", "PolygonVisualization", thickness=4, **RED),
    "polygon v2": step("it", "roboflow_core/polygon_visualization@v2", thickness=4, **RED),
    "label": step("it", "LabelVisualization", text_position="CENTER", text_scale=0.5, **RED),
    "label below": step("it", "LabelVisualization", text_position="BOTTOM_CENTER", text_scale=0.5, **RED),
    "label large": step("it", "LabelVisualization", text_position="CENTER", text_scale=1.0, **RED),
    "blur": step("it", "BlurVisualization"),
    "pixels": step("it", "PixelateVisualization", pixel_size=32),
    "halo": step("it", "HaloVisualization", **RED),
    "crop": step("it", "CropVisualization", position="CENTER", scale_factor=0.5, **RED),
}

COUNTED = step("it", "PropertyDefinition", data=FOUND, operations=[LENGTH])
COUNT = specification([model("seg", model_id="$inputs.model"), COUNTED], {"count": "$steps.it.output"})
COUNT["inputs"].append({"type": "WorkflowParameter", "name": "model", "default_value": "fake/1"})
NAMES = specification(
    [SEG, step("it", "PropertyDefinition", data=FOUND, operations=extracted("class_name"))],
    {"classes": "$steps.it.output"},
)
# The files of the folder: a specification as it is, and as the platform exports it.
NAMED: dict[str, Json] = {
    "mine": COUNT,
    "mine@2": NAMES,
    "exported": {"name": "Exported", "specification": COUNT},
    "changing": COUNT,
}
RUN_BY_NAME = (
    "by name",
    "in another workspace",
    "without cache",
    "exported",
    "infer_from_workflow by name",
    "named in v0",
)


@dataclass(frozen=True)
class Wrong:
    """What a client asks for that is refused."""

    status: int
    type: str  # "" where the answer has none
    words: tuple[str, ...]  # of the message
    document: Json = field(default_factory=dict)
    parameters: Json = field(default_factory=dict)
    images: Json = field(default_factory=lambda: {"image": "tiles.png"})
    block: str = ""  # that the error names


def _with(document: Json, **members: Any) -> Json:
    return {name: value for name, value in {**document, **members}.items() if value is not None}


def _seg(outputs: Json | None = None, *more: Json, **fields: Any) -> Json:
    """A workflow of a model with these fields, and more steps."""
    return specification([SEG | fields, *more], {"it": FOUND} if outputs is None else outputs)


_COUNT = specification([SEG, COUNTED], {"it": "$steps.it.output"})
# 960 slices of tiles.png, and a crop of each.
SLICES = step("slices", "roboflow_core/image_slicer@v1", image=IMAGE, slice_width=8, slice_height=8)
SLICES |= {"overlap_ratio_width": 0.0, "overlap_ratio_height": 0.0}
SMALL = step("small", "AbsoluteStaticCrop", images="$steps.slices.slices", x_center=4, y_center=4, width=2, height=2)
_WORD = step("it", "PropertyDefinition", data="$inputs.word", operations=[{"type": "ToNumber", "cast_to": "int"}])
_DYNAMIC = {
    "type": "DynamicBlockDefinition",
    "manifest": {"type": "ManifestDescription"},
    "code": {"type": "PythonCode"},
}
ERRORS: dict[str, Wrong] = {
    "no steps": Wrong(400, "WorkflowSyntaxError", ("steps",), _with(_COUNT, steps=None)),
    "unknown block": Wrong(
        400,
        "WorkflowSyntaxError",
        ("byte_tracker", "dynamic_crop"),
        _seg(None, step("track", "roboflow_core/byte_tracker@v3", detections=FOUND)),
        block="track",
    ),
    "literal": Wrong(400, "WorkflowSyntaxError", ("confidence", "1.5"), _seg(confidence=1.5), block="seg"),
    "field": Wrong(
        400,
        "WorkflowSyntaxError",
        ("model_id",),
        specification([step("seg", BLOCK, images=IMAGE)], {"it": FOUND}),
        block="seg",
    ),
    "operation": Wrong(
        400,
        "WorkflowSyntaxError",
        ("Sing",),
        _seg({}, step("it", "PropertyDefinition", data=FOUND, operations=[{"type": "Sing"}])),
        block="it",
    ),
    "no version": Wrong(400, "WorkflowSyntaxError", ("version",), _with(_COUNT, version=None)),
    "another version": Wrong(400, "NotSupportedExecutionEngineError", ("2.0",), _with(_COUNT, version="2.0")),
    "no such version": Wrong(400, "WorkflowDefinitionError", ("abc",), _with(_COUNT, version="abc")),
    "unknown step": Wrong(
        400,
        "InvalidReferenceTargetError",
        ("other",),
        _seg({}, COUNTED | {"data": "$steps.other.predictions"}),
        block="it",
    ),
    "unknown input": Wrong(400, "InvalidReferenceTargetError", ("photo",), _seg(images="$inputs.photo"), block="seg"),
    "unknown output": Wrong(
        400, "InvalidReferenceTargetError", ("masks",), _seg({"it": "$steps.seg.masks"}), block="$outputs"
    ),
    "kind": Wrong(
        400,
        "ReferenceTypeError",
        ("predictions",),
        _seg({}, step("it", "MaskVisualization", image=IMAGE, predictions=IMAGE)),
        block="it",
    ),
    "cycle": Wrong(
        400,
        "ExecutionGraphStructureError",
        (),
        specification(
            [
                step("one", "MaskVisualization", image="$steps.two.image", predictions=FOUND),
                step("two", "MaskVisualization", image="$steps.one.image", predictions=FOUND),
                SEG,
            ],
            {},
        ),
    ),
    "levels": Wrong(
        400,
        "StepInputDimensionalityError",
        (),
        _seg({}, CROP, step("it", "MaskVisualization", image=IMAGE, predictions="$steps.crop.predictions")),
        block="it",
    ),
    "one name twice": Wrong(400, "DuplicatedNameError", ("seg",), specification([SEG, SEG], {"it": FOUND})),
    "value at run time": Wrong(
        400,
        "RuntimeInputError",
        ("confidence",),
        specification([SEG | {"confidence": "$inputs.sure"}], {"it": FOUND}, {"sure": 1.5}),
        {"sure": 1.5},
    ),
    "no value at run time": Wrong(
        400,
        "RuntimeInputError",
        ("sure",),
        specification([SEG | {"confidence": "$inputs.sure"}], {"it": FOUND}, {"sure": 1.5}),
    ),
    "no picture": Wrong(400, "RuntimeInputError", ("image",), _COUNT, images={}),
    "path": Wrong(
        400, "RuntimeInputError", ("image",), _COUNT, {"image": {"type": "file", "value": "/etc/hosts"}}, images={}
    ),
    "unequal batches": Wrong(
        400,
        "RuntimeInputError",
        ("image",),
        specification([SEG], {"it": FOUND}, images=2),
        images={"image": ["tiles.png"] * 3, "image2": ["tiles.png"] * 2},
    ),
    "unknown model": Wrong(
        404, "ClientCausedStepExecutionError", ("nowhere/7",), _seg(model_id="nowhere/7"), block="seg"
    ),
    "failing step": Wrong(
        500,
        "StepExecutionError",
        ("it",),
        specification([_WORD], {"it": "$steps.it.output"}, {"word": ""}),
        {"word": "seven"},
        block="it",
    ),
    "steps": Wrong(
        400,
        "WorkflowSyntaxError",
        ("201", "200"),
        specification([COUNTED | {"name": f"it{number}", "data": IMAGE} for number in range(201)], {}),
    ),
    "pictures": Wrong(413, "", ("64",), _COUNT, images={"image": ["tiles.png"] * 65}),
    "crops": Wrong(
        400,
        "ClientCausedStepExecutionError",
        ("slices",),
        specification([SLICES | {"slice_width": 7}], {}),
        block="slices",
    ),
    "runs of steps": Wrong(
        400,
        "ClientCausedStepExecutionError",
        ("10000",),
        specification([SLICES, *(SMALL | {"name": f"small{number}"} for number in range(11))], {}),
    ),
    "custom code": Wrong(400, "WorkflowSyntaxError", ("Python",), _with(_COUNT, dynamic_blocks_definitions=[_DYNAMIC])),
}


def call(
    url: str, document: Json | None, picture: Any = "tiles.png", parameters: Json | None = None, **more: Any
) -> Json:
    """One call; `more` are its other members, and arguments of the method."""
    told = {"key", "method", "form", "format", "v0", "write", "images", "configuration"}
    arguments = {name: value for name, value in more.items() if name not in told}
    arguments |= {"specification": document} if document is not None else {}
    arguments |= {"parameters": parameters} if parameters else {}
    members = {name: value for name, value in more.items() if name in told}
    return {"url": url, "images": {"image": picture}, "arguments": arguments, **members}


def all_calls(url: str, fake: str, locked: str, key: str, new: bool, workflows: Path, traces: Path) -> dict[str, Json]:
    """The calls of the newer or the older client.

    They go to a server of the embedded model, to one of the fake model, and to one of the latter with a key.
    """
    found = {**_segmentation(url), **_pictures(url), **_tasks(url), **_blocks(fake)}
    found |= _requests(url, fake, workflows, traces)
    for name, one in (("right", key), ("wrong", "another")):
        found[f"{name} key"] = call(locked, _COUNT, key=one)
        found[f"{name} key by name"] = call(locked, None, key=one, workspace_name="any", workflow_id="count-objects")
        for transport in ("header", "both") if new else ():
            configuration = {"api_key_transport": transport}
            found[f"{name} key by {transport}"] = call(locked, _COUNT, key=one, configuration=configuration)
    if new:
        deep = specification([model("seg", images="$inputs.parts")], {"it": FOUND})
        part = {"type": "WorkflowBatchInput", "name": "parts", "kind": ["image"], "dimensionality": 2}
        found["lists of lists"] = call(
            fake,
            {**deep, "inputs": [*deep["inputs"], part]},
            images={"image": ["tiles.png"] * 2, "parts": [["0.png", "1.png"], ["2.png"]]},
        )
        versioned = {"workspace_name": "mine", "workflow_id": "mine"}
        found["version that there is"] = call(fake, None, **versioned, workflow_version_id="2")
        found["version that there is not"] = call(fake, None, **versioned, workflow_version_id="3")
        found["no sinks"] = call(fake, _COUNT, disable_sinks=True)
    return found


def _segmentation(url: str) -> dict[str, Json]:
    found = {}
    predictions = {"predictions": FOUND}
    for name, (fields, _, _) in FIELDS.items():
        alias = {"image": IMAGE, "images": None} if name == "without effect" else {}
        block = _with(model("seg", BLOCK, **{"model_id": SERVED, **fields}), **alias)
        found[f"{name} literal"] = call(url, specification([block], predictions), "pair.jpg")
        values = {"model_id": SERVED, **fields}
        late = block | {one: f"$inputs.{one}" for one in values}
        found[f"{name} run time"] = call(url, specification([late], predictions, values), "pair.jpg", values)
    for kind in KINDS_OF_BLOCK:
        whole = specification([model("seg", kind, model_id=SERVED)], {"all": "$steps.seg.*"})
        found[kind] = call(url, whole, "photo.png")
    found["page's example"] = call(url, specification([PAGE_EXAMPLE], {"all": "$steps.it.*"}), "photo.png")
    for version in ("v3", "v4"):
        block = model("seg", f"{LONG}{version}", model_id=SERVED)
        for mode in ("best", "default", "custom"):
            fields = {"confidence_mode": mode, "custom_confidence": 0.9}
            found[f"{version} {mode}"] = call(url, specification([block | fields], predictions), "pair.jpg")
        values = {"mode": "custom", "sure": 0.05}
        late = block | {"confidence_mode": "$inputs.mode", "custom_confidence": "$inputs.sure"}
        found[f"{version} custom at run time"] = call(
            url, specification([late], predictions, values), "pair.jpg", values
        )
    nothing = model("seg", BLOCK, model_id=SERVED, class_filter=["unicorn"])
    found["class_filter of none"] = call(url, specification([nothing], predictions), "pair.jpg")
    return found


def _pictures(url: str) -> dict[str, Json]:
    seg = model("seg", BLOCK, model_id=SERVED)
    mask = step("mask", "MaskVisualization", image=IMAGE, predictions=FOUND)
    outputs = {"predictions": FOUND, "drawn": "$steps.mask.image", "crops": "$steps.crop.crops"}
    found = {}
    for form in ("path", "ndarray", "pil", "base64", "url"):
        found[f"picture as {form}"] = call(url, specification([seg], {"predictions": FOUND}), "photo.png", form=form)
    for form in ("base64", "numpy", "pillow"):
        found[f"drawn as {form}"] = call(url, specification([seg, mask, CROP], outputs), "photo.png", format=form)
    cut = CROP | {"mask_opacity": 1.0, "background_color": "#00FF00"}
    outputs_of_cut = {"predictions": FOUND, "crops": "$steps.crop.crops"}
    found["cut out"] = call(url, specification([seg | {"max_detections": 1}, cut], outputs_of_cut), "photo.png")
    small = step("small", "AbsoluteStaticCrop", images="$inputs.image2", x_center=80, y_center=96, width=64, height=32)
    batch = specification([seg, mask, CROP, small], outputs | {"other": "$steps.small.crops"}, images=2)
    images = {"image": ["0.png", "1.png", "2.png"], "image2": "tiles.png"}
    found["batch"] = call(url, batch, images=images)
    return found


def _tasks(url: str) -> dict[str, Json]:
    photo = "photo.png"
    found = {
        "boxes": call(
            url, specification([model("seg", "ObjectDetectionModel", model_id=SERVED)], {"predictions": FOUND}), photo
        )
    }
    few = {"confidence": 0.01, "max_detections": 3}
    late = {"confidence_mode": "custom", "custom_confidence": 0.01}
    rows = [
        *((BOXES, "object_detection", v, few if v < 3 else late | {"max_detections": 3}) for v in (1, 2, 3)),
        *((POSE, "keypoint_detection", v, few) for v in (1, 2)),
        *((KINDS, "classification", v, {"confidence": 0.01} if v < 3 else late) for v in (1, 2, 3)),
        *((AREAS, "semantic_segmentation", v, {}) for v in (1, 2)),
    ]
    for one, task, version, fields in rows:
        block = model("seg", f"roboflow_core/roboflow_{task}_model@v{version}", model_id=one, **fields)
        found[f"{one} v{version}"] = call(url, specification([block], {"predictions": FOUND}), photo)
    seg = model("seg", BLOCK, model_id=SERVED)
    kinds = model("kinds", "ClassificationModel", images="$steps.crop.crops", model_id=KINDS, confidence=0.0)
    replaced = step(
        "it",
        "DetectionsClassesReplacement",
        object_detection_predictions=FOUND,
        classification_predictions="$steps.kinds.predictions",
    )
    outputs = {"found": FOUND, "kinds": "$steps.kinds.predictions", "replaced": "$steps.it.predictions"}
    found["classes replaced"] = call(url, specification([seg, CROP, kinds, replaced], outputs), photo)
    sam = step("sam", "roboflow_core/segment_anything@v1", images=IMAGE, boxes=FOUND, version="hiera_tiny")
    outputs = {"boxes": FOUND, "masks": "$steps.sam.predictions"}
    boxes = model("seg", "ObjectDetectionModel", model_id=SERVED)
    found["sam"] = call(url, specification([boxes, sam], outputs), photo)
    return found


def _blocks(fake: str) -> dict[str, Json]:
    found = {}
    for name, case in CASES.items():
        document = specification(case.steps, case.outputs, case.parameters)
        found[f"block: {name}"] = call(fake, document, parameters=case.parameters)
    area = step("it", "roboflow_core/mask_area_measurement@v1", predictions=FOUND, pixels_per_unit=2.0)
    found["block: areas of masks"] = call(fake, specification([SEG, area], {"it": "$steps.it.predictions"}))
    person = step(
        "person", "DetectionsFilter", predictions=FOUND, operations=kept(compared("class_name", "==", "person"))
    )
    for name, it in DRAWN.items():
        steps = [SEG, person, it | {"image": IMAGE, "predictions": "$steps.person.predictions"}]
        found[f"drawn: {name}"] = call(fake, specification(steps, {"it": "$steps.it.image"}))
    label = DRAWN["label"] | {"predictions": "$steps.person.predictions"}
    horse = step("horse", "DetectionsFilter", predictions=FOUND, operations=kept(compared("class_name", "==", "horse")))
    outline = step("it", "BoundingBoxVisualization", image=IMAGE, predictions="$steps.person.predictions")
    on_top = step("both", "LabelVisualization", image="$steps.it.image", predictions="$steps.horse.predictions")
    on_top |= {"text_position": "CENTER", "copy_image": False}
    outputs = {"apart": "$steps.single.image", "together": "$steps.both.image"}
    single = label | {"name": "single", "image": IMAGE}
    found["drawn twice"] = call(fake, specification([SEG, person, horse, outline, on_top, single], outputs))
    return found


def _requests(url: str, fake: str, workflows: Path, traces: Path) -> dict[str, Json]:
    def named(name: str, workspace: str = "any", **more: Any) -> Json:
        return call(fake, None, workspace_name=workspace, workflow_id=name, **more)

    photo, built_in = "photo.png", {"workspace_name": "any"}
    late = specification([SEG | {"confidence": "$inputs.sure"}], {"it": FOUND})
    late["inputs"].append({"type": "InferenceParameter", "name": "sure", "default_value": 0.9})
    profiled = {"enable_profiling": True, "configuration": {"profiling_directory": str(traces)}}
    return {
        "count-objects": call(url, None, photo, **built_in, workflow_id="count-objects"),
        "blur-people": call(url, None, photo, **built_in, workflow_id="blur-people"),
        "by name": named("mine"),
        "in another workspace": named("mine", "another"),
        "without cache": named("mine", use_cache=False),
        "exported": named("exported"),
        "named in v0": named("mine", v0=True),
        "infer_from_workflow by name": call(
            fake, None, workspace_name="any", workflow_name="mine", method="infer_from_workflow"
        ),
        "before the change": named("changing", write=[str(workflows / "changing.json"), json.dumps(COUNT)]),
        "after the change": named("changing", write=[str(workflows / "changing.json"), json.dumps(NAMES)]),
        "infer_from_workflow": call(fake, _COUNT, method="infer_from_workflow"),
        "in v0": call(fake, _COUNT, v0=True),
        "excluded_fields": call(
            fake, specification(gated(2, None).steps, gated(2, None).outputs), excluded_fields=["second"]
        ),
        "default value": call(fake, late),
        "profiled": call(fake, _COUNT, **profiled),
        "neither name nor specification": call(fake, None),
        **{
            f"error: {name}": call(fake, one.document, parameters=one.parameters, images=one.images)
            for name, one in ERRORS.items()
        },
        "error: unknown name": named("nothing-of-the-kind"),
    }
