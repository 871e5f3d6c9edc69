"""What a server may have beside its model: promptable models in a store, and workflows by name."""

import json
from pathlib import Path

from tests.promptable_models import tiny_sam, tiny_sam2

# A workflow with an input of every kind that has a field of its own.
EVERY_FIELD = {
    "version": "1.0",
    "inputs": [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowImage", "name": "other"},
        {"type": "WorkflowParameter", "name": "classes", "default_value": ["person", "cat"]},
        {"type": "WorkflowParameter", "name": "confidence", "default_value": 0.4},
        {"type": "WorkflowParameter", "name": "thickness"},
        {"type": "WorkflowParameter", "name": "agnostic", "default_value": False},
        {"type": "WorkflowParameter", "name": "note"},
        {"type": "WorkflowParameter", "name": "table", "kind": ["dictionary"]},
    ],
    "steps": [
        {
            "type": "RoboflowInstanceSegmentationModel",
            "name": "model",
            "images": "$inputs.image",
            "model_id": "served",
            "confidence": "$inputs.confidence",
            "class_filter": "$inputs.classes",
            "class_agnostic_nms": "$inputs.agnostic",
        },
        {"type": "DynamicCrop", "name": "crop", "images": "$inputs.image", "predictions": "$steps.model.predictions"},
        {
            "type": "BoundingBoxVisualization",
            "name": "boxes",
            "image": "$inputs.image",
            "predictions": "$steps.model.predictions",
            "thickness": "$inputs.thickness",
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "drawn", "selector": "$steps.boxes.image"},
        {"type": "JsonField", "name": "crops", "selector": "$steps.crop.crops"},
        {"type": "JsonField", "name": "found", "selector": "$steps.model.predictions"},
        {"type": "JsonField", "name": "beside", "selector": "$inputs.other"},
        {"type": "JsonField", "name": "told", "selector": "$inputs.note"},
        {"type": "JsonField", "name": "rows", "selector": "$inputs.table"},
    ],
}
# A model that is not there: known only when the step runs.
FAILING = {
    "version": "1.0",
    "inputs": [{"type": "WorkflowImage", "name": "image"}],
    "steps": [
        {"type": "RoboflowObjectDetectionModel", "name": "searching", "images": "$inputs.image", "model_id": "none/7"}
    ],
    "outputs": [{"type": "JsonField", "name": "found", "selector": "$steps.searching.predictions"}],
}


def write_extras(root: Path) -> dict[str, str]:
    """Write a model store and workflows into `root`, and return the settings that name them.

    The store has sam/vit_h, sam2/hiera_large, and sam/zzz, which cannot be loaded; one workflow's file holds none.
    """
    tiny_sam(root / "store/sam/vit_h")
    tiny_sam2(root / "store/sam2/hiera_large")
    (tiny_sam(root / "store/sam/zzz") / "model.safetensors").write_bytes(b"no weights")
    folder = root / "workflows"
    folder.mkdir()
    for name, document in {"every-field": EVERY_FIELD, "failing": FAILING, "no-workflow": {}}.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return {"MASKSERVE_MODEL_STORE": str(root / "store"), "MASKSERVE_WORKFLOWS": str(folder)}
