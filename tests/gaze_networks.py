"""Four small networks with the shapes of Open Model Zoo's for gazes, whose answers are known, and where hers lie."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from container.engines.gaze_graphs import ANGLES, EYES, FACES, GAZE, HEAD, LANDMARKS, POSE

# Open Model Zoo's own files, which are not part of this project.
PUBLISHED = Path(os.environ.get("GAZE_OMZ", Path(__file__).parents[2] / "shared/material/gaze_omz"))
with_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="Open Model Zoo's networks are not here")
BOX = (0.25, 0.25, 0.5, 0.75)  # of the one face, xyxy as shares of the picture
POINTS = (
    0.3,
    0.4,
    0.7,
    0.4,
    0.5,
    0.6,
    0.35,
    0.8,
    0.65,
    0.8,
)  # its landmarks, x and y as shares of the square around it


def write(
    folder: Path,
    *,
    score: float = 0.9,
    points: Sequence[float] = POINTS,
    pose: Sequence[float] = (0, 0, 0),
    vector: Sequence[float] = (0, 0, -1),
    leave_out: Sequence[str] = (),
) -> Path:
    """Write the networks into a folder; each answers the same whatever it is shown."""
    import openvino
    from openvino import opset13

    def save(name: str, inputs: dict[str, list[int]], outputs: dict[str, np.ndarray]) -> None:
        taken = [opset13.parameter(shape, np.float32, one) for one, shape in inputs.items()]
        for one, parameter in zip(inputs, taken, strict=True):
            parameter.output(0).set_names({one})
        nothing = opset13.multiply(opset13.reduce_sum(taken[0], [0, 1, 2, 3], False), np.float32(0))
        made = []
        for one, value in outputs.items():
            result = opset13.result(opset13.add(nothing, value.astype(np.float32)))
            result.output(0).set_names({one})
            made.append(result)
        if name not in leave_out:
            openvino.save_model(openvino.Model(made, taken, name), folder / f"{name}.xml", compress_to_fp16=False)

    folder.mkdir(parents=True, exist_ok=True)
    rows = np.full((1, 1, 200, 7), -1.0)
    rows[0, 0, 0] = [0, 1, score, *BOX]
    eye = [1, 3, 60, 60]
    save(FACES, {"data": [1, 3, 384, 672]}, {"detection_out": rows})
    save(LANDMARKS, {"0": [1, 3, 48, 48]}, {"95": np.reshape(points, (1, 10, 1, 1))})
    save(HEAD, {"data": eye}, {name: np.full((1, 1), value) for name, value in zip(ANGLES, pose, strict=True)})
    save(GAZE, {**dict.fromkeys(EYES, eye), POSE: [1, 3]}, {"gaze_vector": np.reshape(vector, (1, 3))})
    return folder
