"""Workflows that Roboflow's client runs, and what the fake model's two objects make of each, computed by hand.

The fake model finds a horse in the left half of any picture (0.9975) and a person in the right half (0.53). `tiles.png`
is 320×192 pixels of it, so that halves, and halves of crops, are whole pixels. In expected values a detection is
"horse 0 0 160 192" (class and box), a picture "320x192".
"""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
IMAGE = "$inputs.image"
FAKE = "fake/1"
HORSE, PERSON = "horse 0 0 160 192", "person 160 0 320 192"
BOTH = [HORSE, PERSON]


def step(name: str, kind: str, **fields: Any) -> Json:
    return {"type": kind, "name": name, **fields}


def model(name: str, kind: str = "InstanceSegmentationModel", **fields: Any) -> Json:
    """A step that asks a model about the pictures of the request, or others."""
    return {"type": kind, "name": name, "images": IMAGE, "model_id": FAKE, **fields}


def specification(steps: list[Json], outputs: Json, parameters: Json | None = None, images: int = 1) -> Json:
    """A workflow whose inputs are `image`, `image2`, … and parameters of these names; outputs are selectors by name.

    A selector that ends in " own" is of that coordinate system.
    """
    pictures = ["image", *(f"image{number}" for number in range(2, images + 1))]
    return {
        "version": "1.0",
        "inputs": [{"type": "InferenceImage", "name": name} for name in pictures]
        + [{"type": "WorkflowParameter", "name": name} for name in parameters or {}],
        "steps": steps,
        "outputs": [
            {"type": "JsonField", "name": name, "selector": selector.removesuffix(" own")}
            | ({"coordinates_system": "own"} if selector.endswith(" own") else {})
            for name, selector in outputs.items()
        ],
    }


def compared(left: Any, comparator: str, right: Any, **more: Any) -> Json:
    """A statement about a property of each detection, such as "class_name", or an operand as it is."""
    if isinstance(left, str):
        taken = [{"type": "ExtractDetectionProperty", "property_name": left}]
        left = {"type": "DynamicOperand", "operations": taken}
    if not isinstance(right, dict):
        right = {"type": "StaticOperand", "value": right}
    return {
        "type": "BinaryStatement",
        "left_operand": left,
        "comparator": {"type": comparator},
        "right_operand": right,
        **more,
    }


def group(*statements: Json, operator: str = "and") -> Json:
    return {"type": "StatementGroup", "operator": operator, "statements": list(statements)}


def kept(*statements: Json, operator: str = "and") -> list[Json]:
    """Operations that keep the detections of which the statements are true."""
    return [{"type": "DetectionsFilter", "filter_operation": group(*statements, operator=operator)}]


def extracted(name: str, *more: Json) -> list[Json]:
    """Operations that take a property of all detections."""
    return [{"type": "DetectionsPropertyExtract", "property_name": name}, *more]


LENGTH = {"type": "SequenceLength"}
FOUND = "$steps.seg.predictions"
SEG = model("seg")
CROP = step("crop", "DynamicCrop", images=IMAGE, predictions=FOUND)


@dataclass(frozen=True)
class Case:
    """A workflow on tiles.png, and what each output is."""

    steps: list[Json]
    outputs: Json
    expected: Json
    parameters: Json = field(default_factory=dict)


def on_found(kind: str, output: str, expected: Any, parameters: Json | None = None, **fields: Any) -> Case:
    """One step on what was found."""
    steps = [SEG, step("it", kind, predictions=FOUND, **fields)]
    return Case(steps, {"it": f"$steps.it.{output}"}, {"it": expected}, parameters or {})


def filtered(expected: list[str], *statements: Json, operator: str = "and") -> Case:
    operations = kept(*statements, operator=operator)
    return on_found("DetectionsFilter", "predictions", expected, operations=operations)


def filtered_by_share(share: float, expected: list[str]) -> Case:
    """Those that cover at least a share of the picture, as editors write it."""
    operations = [
        {"type": "ExtractImageProperty", "property_name": "size"},
        {"type": "Multiply", "other": share},
    ]
    least = {"type": "DynamicOperand", "operand_name": "image", "operations": operations}
    return on_found(
        "DetectionsFilter",
        "predictions",
        expected,
        operations=kept(compared("size", "(Number) >=", least)),
        operations_parameters={"image": IMAGE},
    )


def taken(expected: Any, *operations: Json) -> Case:
    steps = [SEG, step("it", "PropertyDefinition", data=FOUND, operations=list(operations))]
    return Case(steps, {"it": "$steps.it.output"}, {"it": expected})


def transformed(expected: list[str], *operations: Json) -> Case:
    return on_found("DetectionsTransformation", "predictions", expected, operations=list(operations))


def gated(least: int, expected: Any) -> Case:
    """A second model that is asked only if the first found at least so many."""
    counted = {"type": "DynamicOperand", "operand_name": "found", "operations": [LENGTH]}
    gate = step(
        "gate",
        "ContinueIf",
        condition_statement=group(compared(counted, "(Number) >=", least)),
        evaluation_parameters={"found": FOUND},
        next_steps=["$steps.second"],
    )
    return Case(
        [SEG, gate, model("second")],
        {"first": FOUND, "second": "$steps.second.predictions"},
        {"first": BOTH, "second": expected},
    )


def decided(word: str, expected: str) -> Case:
    """An expression that tells whether a parameter is among the classes."""
    among = compared(
        {"type": "DynamicOperand", "operand_name": "word"},
        "in (Sequence)",
        {"type": "DynamicOperand", "operand_name": "classes"},
    )
    switch = {
        "type": "CasesDefinition",
        "cases": [
            {
                "type": "CaseDefinition",
                "condition": group(among),
                "result": {"type": "StaticCaseResult", "value": "there"},
            }
        ],
        "default": {"type": "DynamicCaseResult", "parameter_name": "word"},
    }
    it = step(
        "it",
        "Expression",
        data={"classes": FOUND, "word": "$inputs.word"},
        data_operations={"classes": extracted("class_name")},
        switch=switch,
    )
    return Case([SEG, it], {"it": "$steps.it.output"}, {"it": expected}, {"word": word})


def stitched(strategy: str, width: int, overlap: float, widths: list[int], expected: list[str]) -> Case:
    """The model on slices of the picture, and what it found put together."""
    slices = step(
        "slices",
        "roboflow_core/image_slicer@v1",
        image=IMAGE,
        slice_width=width,
        slice_height=192,
        overlap_ratio_width=overlap,
        overlap_ratio_height=0.0,
    )
    joined = step(
        "joined",
        "roboflow_core/detections_stitch@v1",
        reference_image=IMAGE,
        predictions=FOUND,
        overlap_filtering_strategy=strategy,
    )
    return Case(
        [slices, model("seg", images="$steps.slices.slices"), joined],
        {"slices": "$steps.slices.slices", "joined": "$steps.joined.predictions"},
        {"slices": [f"{one}x192" for one in widths], "joined": expected},
    )


def nested(system: str) -> Case:
    """The model on crops of crops."""
    steps = [
        SEG,
        CROP,
        model("inner", images="$steps.crop.crops"),
        step("deep", "Crop", images="$steps.crop.crops", detections="$steps.inner.predictions"),
        model("innermost", images="$steps.deep.crops"),
    ]
    end = " own" if system == "own" else ""
    outputs = {
        "crops": "$steps.crop.crops",
        "inner": f"$steps.inner.predictions{end}",
        "deep": "$steps.deep.crops",
        "innermost": f"$steps.innermost.predictions{end}",
    }

    def halves(left: int, width: int) -> list[str]:
        middle, right = left + width // 2, left + width
        return [f"horse {left} 0 {middle} 192", f"person {middle} 0 {right} 192"]

    own = system == "own"
    return Case(
        steps,
        outputs,
        {
            "crops": ["160x192"] * 2,
            "inner": [halves(0 if own else left, 160) for left in (0, 160)],
            "deep": [["80x192"] * 2] * 2,
            "innermost": [[halves(0 if own else left, 80) for left in pair] for pair in ((0, 80), (160, 240))],
        },
    )


def with_default(least: float, expected: list[str]) -> Case:
    """What was found in crops of sure detections, or none of it: the whole of a level is put in one list."""
    operations = kept(compared("confidence", "(Number) >", least))
    sure = step("sure", "DetectionsFilter", predictions=FOUND, operations=operations)
    crop = step("crop", "Crop", images=IMAGE, predictions="$steps.sure.predictions")
    names = step("names", "PropertyExtraction", data="$steps.crop.predictions", operations=extracted("class_name"))
    collapsed = step("collapsed", "DimensionCollapse", data="$steps.names.output")
    return Case(
        [SEG, sure, crop, names, collapsed], {"it": "$steps.collapsed.output"}, {"it": [[one] for one in expected]}
    )


ROUNDED = {"type": "SequenceApply", "operations": [{"type": "NumberRound", "decimal_digits": 2}]}

# Every block of tiers 1 and 2 that needs no real model and draws nothing.
CASES: dict[str, Case] = {
    "detections": Case(
        [model("seg", "ObjectDetectionModel")],
        {"it": FOUND},
        {"it": BOTH},
    ),
    "filter by class": filtered(["person 160 0 320 192"], compared("class_name", "in (Sequence)", ["person", "cat"])),
    "filter by confidence": filtered([HORSE], compared("confidence", "(Number) >", 0.9)),
    "filter by size": filtered(BOTH, compared("size", "(Number) ==", 160 * 192)),
    "filter by place": filtered([PERSON], compared("x_min", "(Number) >=", 160)),
    "filter by words": filtered([HORSE], compared("class_name", "(String) startsWith", "ho")),
    "filter and": filtered([], compared("class_name", "==", "horse"), compared("confidence", "(Number) <", 0.9)),
    "filter or": filtered(
        BOTH, compared("class_name", "==", "horse"), compared("confidence", "(Number) <", 0.9), operator="or"
    ),
    "filter not": filtered([PERSON], compared("class_name", "==", "horse", negate=True)),
    "filter at run time": on_found(
        "DetectionsFilter",
        "predictions",
        [PERSON],
        {"wanted": ["person"]},
        operations=kept(compared("class_name", "in (Sequence)", {"type": "DynamicOperand", "operand_name": "wanted"})),
        operations_parameters={"wanted": "$inputs.wanted"},
    ),
    "filter by share, less": filtered_by_share(0.4, BOTH),
    "filter by share, more": filtered_by_share(0.6, []),
    "count": taken(2, LENGTH),
    "classes": taken(["horse", "person"], *extracted("class_name")),
    "confidences": taken([1.0, 0.53], *extracted("confidence", ROUNDED)),
    "classes as text": taken("horse, person", *extracted("class_name", {"type": "SequenceJoin"})),
    "left of each": taken([0, 160], *extracted("x_min")),
    "crop": Case(
        [SEG, CROP],
        {"crops": "$steps.crop.crops", "parent": "$steps.crop.predictions", "own": "$steps.crop.predictions own"},
        {"crops": ["160x192"] * 2, "parent": [[HORSE], [PERSON]], "own": [[HORSE], ["person 0 0 160 192"]]},
    ),
    "nested parent": nested("parent"),
    "nested own": nested("own"),
    "collapse": with_default(0.1, ["horse", "person"]),
    "collapse of some": with_default(0.9, ["horse"]),
    "collapse of none": with_default(0.999, []),
    "continue": gated(2, BOTH),
    "stop": gated(3, None),
    "expression": decided("horse", "there"),
    "expression default": decided("cow", "cow"),
    "first of what ran": Case(
        [
            *gated(3, None).steps,
            step("it", "FirstNonEmptyOrDefault", data=["$steps.second.predictions", FOUND], default="none"),
        ],
        {"it": "$steps.it.output"},
        {"it": BOTH},
    ),
    "default of what did not run": Case(
        [
            *gated(3, None).steps,
            step("it", "FirstNonEmptyOrDefault", data=["$steps.second.predictions"], default="none"),
        ],
        {"it": "$steps.it.output"},
        {"it": "none"},
    ),
    "transformation of order": transformed(
        [PERSON, HORSE], {"type": "SortDetections", "mode": "confidence", "ascending": True}
    ),
    "transformation of place": transformed(
        ["horse 20 10 180 202", "person 180 10 340 202"], {"type": "DetectionsShift", "shift_x": 20, "shift_y": 10}
    ),
    "transformation to one": transformed([PERSON], {"type": "DetectionsSelection", "mode": "right_most"}),
    "transformation of names": transformed(
        ["pony 0 0 160 192", PERSON],
        {"type": "DetectionsRename", "class_map": {"horse": "pony"}, "strict": False},
    ),
    "offset": on_found(
        "DetectionOffset",
        "predictions",
        ["horse 0 0 180 192", "person 140 0 320 192"],
        offset_width=40,
        offset_height=10,
    ),
    "offset in percent": on_found(
        "DetectionOffset",
        "predictions",
        ["horse 0 0 176 192", "person 144 0 320 192"],
        offset_x=20,
        offset_y=10,
        units="Percent (%)",
    ),
    "per class": on_found(
        "roboflow_core/per_class_confidence_filter@v1", "predictions", [PERSON], class_thresholds={"horse": 0.999}
    ),
    "per class, others": on_found(
        "roboflow_core/per_class_confidence_filter@v1",
        "predictions",
        [HORSE],
        {"limits": {"horse": 0.9}},
        class_thresholds="$inputs.limits",
        default_threshold=0.6,
    ),
    "crops of an offset": Case(
        [
            SEG,
            step("more", "DetectionOffset", predictions=FOUND, offset_width=40, offset_height=40),
            CROP | {"predictions": "$steps.more.predictions"},
            model("inner", images="$steps.crop.crops"),
        ],
        {"crops": "$steps.crop.crops", "inner": "$steps.inner.predictions"},
        {
            "crops": ["180x192"] * 2,
            "inner": [
                ["horse 0 0 90 192", "person 90 0 180 192"],
                ["horse 140 0 230 192", "person 230 0 320 192"],
            ],
        },
    ),
    "absolute crop": Case(
        [step("it", "AbsoluteStaticCrop", images=IMAGE, x_center=80, y_center=96, width=64, height=32)],
        {"it": "$steps.it.crops"},
        {"it": "64x32"},
    ),
    "relative crop": Case(
        [step("it", "RelativeStaticCrop", image=IMAGE, x_center=0.25, y_center=0.5, width=0.2, height=1 / 6)],
        {"it": "$steps.it.crops"},
        {"it": "64x32"},
    ),
    "slices": stitched(
        "none",
        160,
        0.0,
        [160, 160],
        ["horse 0 0 80 192", "person 80 0 160 192", "horse 160 0 240 192", "person 240 0 320 192"],
    ),
    # The person at 280 overlaps that at 220 by 0.4.
    "slices suppressed": stitched(
        "nms",
        240,
        0.5,
        [240, 200, 80],
        ["horse 0 0 120 192", "horse 120 0 220 192"]
        + ["horse 240 0 280 192", "person 120 0 240 192", "person 220 0 320 192"],
    ),
    "everything of a step": Case(
        [CROP | {"predictions": FOUND}, SEG],
        {"it": "$steps.crop.*"},
        {"it": [{"crops": "160x192", "predictions": one} for one in ([HORSE], [PERSON])]},
    ),
}
