"""Blocks that give and take lists, run by the engine."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from container.workflows import kinds
from container.workflows.manifest import Block, Field, Output, Step, blocks
from tests.workflows.blocks.rows import found

pytestmark = pytest.mark.usefixtures("bright")
BRIGHT = {"type": "test/bright@v1", "name": "bright"}


class Bright(Block):
    """Finds the box around the bright pixels of a picture, if there are any, with a mask."""

    ids, title, doc = ("test/bright@v1",), "Bright", "Finds bright pixels."
    fields = (Field("image", "A picture", kinds=(kinds.IMAGE,)),)
    outputs = (Output("predictions", (kinds.MASKS,)),)

    def run(self, row: Any, step: Step) -> Any:
        rows, columns = np.nonzero(row["image"].pixels.min(axis=2) > 200)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None
        boxes = [box] if box else []
        return {"predictions": found(*boxes, masks=boxes, frame=row["image"].frame)}


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.load()
    monkeypatch.setitem(blocks, "test/bright@v1", Bright())


def png(*boxes: tuple[int, int, int, int]) -> str:
    """Return a dark picture of 80 × 60 pixels with bright boxes as a request has it."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def workflow(*steps: dict[str, Any], **outputs: str) -> dict[str, Any]:
    """Return the specification of steps on one picture."""
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": list(steps),
        "outputs": [{"type": "JsonField", "name": name, "selector": selector} for name, selector in outputs.items()],
    }


@pytest.mark.parametrize("version", [1, 2])
def test_slices_are_searched_and_stitched(run: Any, version: int) -> None:
    document = workflow(
        {"type": f"roboflow_core/image_slicer@v{version}", "name": "slices", "image": "$inputs.image",
         "slice_width": 50, "slice_height": 60, "overlap_ratio_width": 0.4, "overlap_ratio_height": 0},
        {**BRIGHT, "image": "$steps.slices.slices"},
        {"type": "roboflow_core/detections_stitch@v1", "name": "stitch", "reference_image": "$inputs.image",
         "predictions": "$steps.bright.predictions", "overlap_filtering_strategy": "nmm"},
        {"type": "DimensionCollapse", "name": "list", "data": "$steps.bright.predictions"},
        whole="$steps.stitch.predictions", parts="$steps.list.output", slices="$steps.slices.slices",
    )  # fmt: skip
    first, none = run(document, image=[png((34, 20, 46, 30)), png()])
    assert first["whole"].instances.boxes.tolist() == [[34, 20, 46, 30]]
    assert first["whole"].instances.masks.bitmap(0).sum() == 120
    assert first["whole"].frame.id == "image.[0]"
    assert len(first["slices"]) == len(first["parts"]) == (3 if version == 1 else 2)
    assert len(none["whole"]) == 0 and none["whole"].frame.id == "image.[1]"


def test_crops_of_crops_are_nested_and_an_empty_picture_has_none(run: Any) -> None:
    document = workflow(
        {**BRIGHT, "image": "$inputs.image"},
        {"type": "Crop", "name": "crop", "image": "$inputs.image", "predictions": "$steps.bright.predictions"},
        {**BRIGHT, "name": "again", "image": "$steps.crop.crops"},
        {"type": "DynamicCrop", "name": "deep", "images": "$steps.crop.crops",
         "predictions": "$steps.again.predictions"},
        crops="$steps.crop.crops", deep="$steps.deep.predictions",
    )  # fmt: skip
    first, none = run(document, image=[png((34, 20, 46, 30)), png()])
    assert [one.frame.size for one in first["crops"]] == [(10, 12)]
    ((deep,),) = first["deep"]
    assert deep.in_root().instances.boxes.tolist() == [[34, 20, 46, 30]]
    assert (none["crops"], none["deep"]) == ([], [])
