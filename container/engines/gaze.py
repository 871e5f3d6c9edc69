"""Gazes by four networks of Open Model Zoo: faces, then landmarks, the pose of the head and the direction of the eyes.

Steps and sizes are those of its gaze estimation demo: eyes are turned upright by the roll of the head before the
network sees them, and the direction is turned back. Every face is looked at mirrored, too, and both answers are
averaged: of skimage's astronaut alone the yaw is 7 degrees, and mirrored -3; so it is 4.1 and -3.9.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.engines.gaze_graphs import ANGLES, EYES, FACES, GAZE, HEAD, LANDMARKS, POSE
from container.errors import Unprocessable
from container.ops import crops
from container.structures import GazeQuery, Gazes, ModelSpec

CONFIDENCE = 0.75  # from which a detection is a face; skimage's cat has up to 0.7 as a JPEG, its astronaut 0.9999
# The demo's square around a box of the detector: what is added at the left, at the top, to the width, to the height.
LEFT, TOP, WIDER, HIGHER = 0.067, 0.028, 0.15, 0.13
# The side of an eye in distances between the eyes: 1.8 times its width. The demo has landmarks at its corners for that.
EYE = 0.85
_MIRRORED = [1, 0, 2, 4, 3]  # landmarks of a mirrored face in the order of the face


class GazeEngine(Engine[GazeQuery, Gazes]):
    """The engine of the four networks, which run on the CPU by OpenVINO, on a server with a GPU, too."""

    query = GazeQuery
    task = "gaze"

    def __init__(self, spec: ModelSpec, networks: "Mapping[str, Network]") -> None:
        super().__init__(spec)
        self._networks = networks

    def trial(self) -> GazeQuery:
        """Return a black picture, taken for a face."""
        return GazeQuery(np.zeros((480, 640, 3), np.uint8), find_faces=False)

    def predict(self, queries: Sequence[GazeQuery]) -> Sequence[Gazes]:
        """Return the faces in each picture, and where they look."""
        return [self._gazes(query) for query in queries]

    def _gazes(self, query: GazeQuery) -> Gazes:
        begun = time.monotonic()
        height, width = query.image.shape[:2]
        boxes, scores = np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)
        if query.find_faces:
            boxes, scores = self._faces(query.image)
        found = time.monotonic()
        landmarks, angles = np.zeros((len(boxes), 5, 2), np.float32), np.zeros((len(boxes), 2), np.float32)
        for i, box in enumerate(boxes):
            checkpoint()
            centre, side = around(box) if query.find_faces else (box.reshape(2, 2).mean(0), float(max(box)))
            landmarks[i] = self._landmarks(query.image, centre, side)
            angles[i] = self._direction(query.image, centre, side, landmarks[i])
        return Gazes(boxes, scores, landmarks, angles[:, 0], angles[:, 1], found - begun, time.monotonic() - found)

    def _faces(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes and scores of faces, the surest first."""
        network = self._networks[FACES]
        (rows,) = network.run({network.name: _planes(crops.scaled(pixels, network.size))})
        rows = rows.reshape(-1, 7)  # picture, class, score, and the box as shares of the picture
        size = np.array(pixels.shape[1::-1] * 2, np.float32)
        boxes = rows[:, 3:].clip(0, 1) * size
        faces = (rows[:, 0] >= 0) & (rows[:, 2] >= CONFIDENCE) & (boxes[:, 2:] - boxes[:, :2] >= 1).all(1)
        order = np.flatnonzero(faces)[np.argsort(-rows[faces, 2], kind="stable")]
        return boxes[order], rows[order, 2].clip(0, 1)

    def _landmarks(self, pixels: np.ndarray, centre: np.ndarray, side: float) -> np.ndarray:
        """Return float 5×2 points of a face in the picture."""
        network = self._networks[LANDMARKS]
        face = crops.square(pixels, centre, side, network.size[0])
        seen, mirrored = (network.run({network.name: _planes(one)})[0].reshape(5, 2) for one in _both(face))
        mirrored = np.array([1, 0]) + mirrored[_MIRRORED] * np.array([-1, 1])
        points: np.ndarray = centre + side * ((seen + mirrored) / 2 - 0.5)
        return points

    def _direction(self, pixels: np.ndarray, centre: np.ndarray, side: float, landmarks: np.ndarray) -> np.ndarray:
        """Return (yaw, pitch) of a gaze in radians."""
        yaw, pitch, roll = self._pose(crops.square(pixels, centre, side, self._networks[HEAD].size[0]))
        distance = max(1.0, float(np.linalg.norm(landmarks[0] - landmarks[1])))
        left, right = (
            crops.square(pixels, eye, EYE * distance, self._networks[GAZE].size[0], roll) for eye in landmarks[:2]
        )
        seen = self._vector(left, right, yaw, pitch)
        mirrored = self._vector(right[:, ::-1], left[:, ::-1], -yaw, pitch)
        x, y, z = (seen + mirrored * np.array([-1, 1, 1])) / 2
        cosine, sine = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        x, y = x * cosine + y * sine, y * cosine - x * sine
        return np.array([np.arctan2(-x, -z), np.arctan2(y, np.hypot(x, z))])  # z is away from the camera

    def _pose(self, face: np.ndarray) -> np.ndarray:
        """Return yaw, pitch and roll of a head in degrees."""
        network = self._networks[HEAD]
        order = [network.place(name) for name in ANGLES]
        seen, mirrored = (np.ravel(network.run({network.name: _planes(one)}))[order] for one in _both(face))
        pose: np.ndarray = (seen + mirrored * np.array([-1, 1, -1])) / 2
        return pose

    def _vector(self, left: np.ndarray, right: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
        """Return the direction of upright eyes, of length 1, to the right, upwards and away from the camera."""
        pose = np.array([[yaw, pitch, 0]], np.float32)
        inputs = dict(zip(EYES, map(_planes, (left, right)), strict=True))
        vector = self._networks[GAZE].run({**inputs, POSE: pose})[0].reshape(3)
        direction: np.ndarray = vector / max(float(np.linalg.norm(vector)), 1e-9)
        return direction


class Network:
    """A compiled network."""

    def __init__(self, graph: Any, request: Any) -> None:
        """`graph` is an openvino.Model, `request` the inference request of what it is compiled to."""
        self.name = graph.inputs[0].get_any_name()
        self.size = tuple(graph.inputs[0].shape)[2:]  # (height, width) of its first picture
        self._outputs = [port.get_names() for port in graph.outputs]
        self._request = request

    def place(self, name: str) -> int:
        """Return the index of an output."""
        return next(i for i, names in enumerate(self._outputs) if name in names)

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return all outputs; Unprocessable if numbers of them are not finite."""
        from container.engines.openvino_core import inferred  # kinds are imported where OpenVINO is not

        found = inferred(self._request, inputs)
        if not all(np.isfinite(one).all() for one in found):
            raise Unprocessable("the model makes numbers of this picture that are not finite")
        return found


def around(box: np.ndarray) -> tuple[np.ndarray, float]:
    """Return centre and side of the square that the networks of a face see, for the detector's xyxy box."""
    size = box[2:] - box[:2]
    corner, size = box[:2] - size * np.array([LEFT, TOP]), size * np.array([1 + WIDER, 1 + HIGHER])
    return corner + size / 2, float(size.max())


def _both(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pixels, pixels[:, ::-1]


def _planes(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 h×w×3 RGB pixels as a network takes them: float32 1×3×h×w, BGR, 0–255."""
    return np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None], np.float32)
