"""Keypoints as lines, dots and numbers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from container.workflows.definition import convert
from container.workflows.errors import StepFailed
from container.workflows.manifest import REQUIRED, blocks
from container.workflows.values import Picture
from tests.workflows.blocks.rows import WHOLE, found, run

PURPLE = (163, 81, 251)
NAN = float("nan")


def draw(keypoints: list[list[float]] | None, **given: Any) -> np.ndarray:
    scene = found((10, 10, 60, 50))
    points = None if keypoints is None else np.array([keypoints], np.float32)
    predictions = replace(scene, instances=replace(scene.instances, keypoints=points))
    picture = Picture(np.zeros((*WHOLE.size, 3), np.uint8), WHOLE)
    return np.asarray(run("KeypointVisualization", image=picture, predictions=predictions, **given)["image"].pixels)


def box_of(pixels: np.ndarray) -> tuple[int, ...]:
    rows, columns = np.nonzero(pixels.any(axis=2))
    return tuple(int(v) for v in (columns.min(), rows.min(), columns.max(), rows.max()))


POINTS: list[list[float]] = [[20, 20, 0.9], [50, 20, 0.9], [50, 40, 0.9], [30, 30, 0.0], [NAN, NAN, NAN], [99, 99, 0.9]]


def test_fields_and_defaults() -> None:
    block = blocks["roboflow_core/keypoint_visualization@v1"]
    assert {one.name: one.default for one in block.fields} == {
        "image": REQUIRED,
        "predictions": REQUIRED,
        "copy_image": True,
        "annotator_type": "edge",
        "color": "#A351FB",
        "text_color": "black",
        "text_scale": 0.5,
        "text_thickness": 1,
        "text_padding": 10,
        "thickness": 2,
        "radius": 10,
        "edges": None,
    }


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([[1, 2]], (20, 20, 50, 20)),
        ([[1, 2], [2, 3]], (20, 20, 50, 40)),
        ([[1, 4], [2, 5], [3, 6], [1, 9], [3, 2]], (50, 20, 50, 40)),  # what is not known or out of sight is left out
    ],
)
def test_lines_join_keypoints(edges: list[list[int]], expected: tuple[int, ...]) -> None:
    assert np.abs(np.subtract(box_of(draw(POINTS, edges=edges, thickness=1)), expected)).max() <= 1


def test_a_person_has_a_skeleton() -> None:
    person = [[2.0 + 4 * i, 5.0 + 3 * (i % 5), 0.9] for i in range(17)]
    assert (draw(person) == PURPLE).all(axis=2).sum() > 100
    with pytest.raises(StepFailed, match="edges is null, and 6 keypoints are no person's 17"):
        draw(POINTS)


@pytest.mark.parametrize("radius", [2, 6])
def test_dots(radius: int) -> None:
    drawn = draw(POINTS, annotator_type="vertex", radius=radius, color="lime")
    expected = 20 - radius, 20 - radius, 50 + radius, 40 + radius
    assert np.abs(np.subtract(box_of(drawn), expected)).max() <= 1
    assert [drawn[20, 20].tolist(), drawn[30, 30].tolist()] == [[0, 255, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    "given",
    [
        {"text_color": "white"},
        {"color": "red"},
        {"text_scale": 0.8},
        {"text_thickness": 4},
        {"text_padding": 4},
        {"radius": 2},
    ],
)
def test_numbers_look_as_asked_for(given: dict[str, Any]) -> None:
    usual = draw(POINTS[:1], annotator_type="vertex_label")
    assert (usual == PURPLE).all(axis=2).any()
    assert (draw(POINTS[:1], annotator_type="vertex_label", **given) != usual).any()


def test_predictions_without_keypoints_are_told() -> None:
    with pytest.raises(StepFailed, match="have no keypoints"):
        draw(None)


@pytest.mark.parametrize("edges", ["1-2", [1, 2], [[1]], [[0, 1]], [[1, 2, 3]], [["a", 1]], [[1, 2]] * 1001])
def test_edges_are_pairs_of_numbers(edges: object) -> None:
    one = next(one for one in blocks["KeypointVisualization"].fields if one.name == "edges")
    with pytest.raises(ValueError, match="^edges is .* pairs of numbers"):
        convert(one, edges)
