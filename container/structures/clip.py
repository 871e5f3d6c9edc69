"""What a CLIP model is asked, and what it answers: pictures and texts as vectors of one space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAX_ITEMS = 8  # pictures or texts of one request
MAX_BATCH = MAX_ITEMS + 1  # that are embedded together: one is compared with others


@dataclass(frozen=True, eq=False)
class ClipQuery:
    """Pictures and texts that are embedded together, in a batch each."""

    pictures: Sequence[np.ndarray] = ()  # uint8 H×W×3 RGB, of any sizes
    texts: Sequence[str] = ()


class ClipVectors(NamedTuple):
    """The embeddings of a ClipQuery, not normalised; D is the model's own."""

    pictures: np.ndarray  # float32 N×D
    texts: np.ndarray  # float32 M×D


def similarity(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the cosine of the angle between a vector and each of others, float32 N, -1 to 1; 0 for a vector of zeros.

    >>> similarity(np.array([1.0, 0.0]), np.array([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])).tolist()
    [1.0, 0.0, -1.0]
    """
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    cosines = np.divide(others @ one, lengths, out=np.zeros(len(others)), where=lengths > 0)
    return np.asarray(cosines.clip(-1, 1), np.float32)
