"""Three detections and a picture, and runs of queries on them."""

from typing import Any

import numpy as np

from container.structures import Instances
from container.workflows.operations import Condition, Operations, Scope
from container.workflows.values import Detections, Frame, Picture

FRAME = Frame("image", (100, 200))
PICTURE = Picture(np.full((100, 200, 3), 90, np.uint8), FRAME)


def found(**changed: Any) -> Detections:
    """Two persons and a horse; their middles are (5, 10), (40, 40) and (101, 12), their sizes 200, 800 and 8."""
    instances = Instances(
        **{
            "image_size": (100, 200),
            "boxes": np.array([[0, 0, 10, 20], [20, 30, 60, 50], [100, 10, 102, 14]], np.float32),
            "scores": np.array([0.75, 0.5, 0.25], np.float32),
            "classes": np.array([0, 1, 0]),
            "labels": ("person", "horse", "person"),
            **changed,
        }
    )
    return Detections(instances, FRAME, ("a", "b", "c"))


FOUND = found()
NONE = FOUND[np.zeros(3, bool)]


def after(value: Any, *operations: dict[str, Any], **names: Any) -> Any:
    """The value after operations, as JSON has them."""
    return Operations().convert(list(operations)).run(value, Scope(lambda: None, names))


def holds(*statements: dict[str, Any], operator: str = "and", **names: Any) -> bool:
    """Whether statements, as JSON has them, are true of named values."""
    group = {"type": "StatementGroup", "statements": list(statements), "operator": operator}
    return Condition().convert(group).holds(Scope(lambda: None, names))


def static(value: Any, *operations: dict[str, Any]) -> dict[str, Any]:
    """An operand that stands in the query."""
    return {"type": "StaticOperand", "value": value, "operations": list(operations)}


def dynamic(name: str = "_", *operations: dict[str, Any]) -> dict[str, Any]:
    """An operand that is named."""
    return {"type": "DynamicOperand", "operand_name": name, "operations": list(operations)}


def of(name: str) -> dict[str, Any]:
    """A property of each detection, as an operand."""
    return dynamic("_", {"type": "ExtractDetectionProperty", "property_name": name})


def binary(left: dict[str, Any], comparator: str, right: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A statement of two operands."""
    return {
        "type": "BinaryStatement",
        "left_operand": left,
        "comparator": {"type": comparator},
        "right_operand": right,
        **members,
    }


def unary(operand: dict[str, Any], operator: str, **members: Any) -> dict[str, Any]:
    """A statement of one operand."""
    return {"type": "UnaryStatement", "operand": operand, "operator": {"type": operator}, **members}


def keep(*statements: dict[str, Any], operator: str = "and") -> dict[str, Any]:
    """The operation that keeps the detections of which statements are true."""
    group = {"type": "StatementGroup", "statements": list(statements), "operator": operator}
    return {"type": "DetectionsFilter", "filter_operation": group}
