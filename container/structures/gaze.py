"""What a model of gazes is asked about one picture, and what it answers: the faces, and where each looks."""

from dataclasses import dataclass

import numpy as np

LABEL = "face"  # the only class


@dataclass(frozen=True, eq=False)
class GazeQuery:
    """What a model of gazes is asked."""

    image: np.ndarray  # uint8 H×W×3 RGB
    find_faces: bool = True  # False: the whole picture is one face


@dataclass(frozen=True, eq=False)
class Gazes:
    """The answer to a GazeQuery: N faces, the surest first."""

    boxes: np.ndarray  # float32 N×4 xyxy, within the picture
    scores: np.ndarray  # float32 N, 0–1
    landmarks: np.ndarray  # float32 N×5×2 of (x, y): eyes, tip of the nose, corners of the mouth; the left one first
    yaws: np.ndarray  # float32 N radians: 0 into the camera, above 0 to the left in the picture
    pitches: np.ndarray  # float32 N radians: above 0 upwards
    find_seconds: float  # that finding the faces took
    gaze_seconds: float  # that their landmarks and gazes took

    def __len__(self) -> int:
        return len(self.boxes)
