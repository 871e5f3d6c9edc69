"""What a classifier found: names for the whole picture."""

from dataclasses import dataclass

import numpy as np

from container.structures.instances import Instances


@dataclass(frozen=True)
class Classification:
    """The likeliest classes of one picture, best first."""

    image_size: tuple[int, int]  # (height, width)
    scores: np.ndarray  # float32 N, 0–1
    classes: np.ndarray  # int64 N
    labels: tuple[str, ...]  # N names

    def __len__(self) -> int:
        return len(self.scores)

    def instances(self) -> Instances:
        """The same as instances whose box is the whole picture."""
        height, width = self.image_size
        boxes = np.tile(np.array([0, 0, width, height], np.float32), (len(self.scores), 1))
        return Instances(self.image_size, boxes, self.scores, self.classes, self.labels)
