"""What a language model with pictures is asked; it answers with a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAX_PROMPT = 8 << 10  # bytes of a prompt
MAX_HISTORY = 32 << 10  # bytes of a history
USUAL_TOKENS, MAX_TOKENS = 256, 1024  # of an answer


@dataclass(frozen=True, eq=False)
class LmmQuery:
    """A question about one picture."""

    pixels: np.ndarray  # uint8 H×W×3 RGB
    prompt: str | None = None  # None: what the model's kind is usually asked
    history: Sequence[tuple[str, str]] = ()  # earlier questions about the picture, with their answers
    max_new_tokens: int = USUAL_TOKENS
    thinking: bool | None = None  # whether the model shall think first; None: as its chat template has it


class Question(NamedTuple):
    """What is asked about each picture of a request; see LmmQuery."""

    prompt: str | None
    history: Sequence[tuple[str, str]] = ()
    max_new_tokens: int = USUAL_TOKENS
    thinking: bool | None = None

    @property
    def fault(self) -> str:
        """What is wrong with it, or ""."""
        length = _bytes(self.prompt or "")
        if length > MAX_PROMPT:
            return f"the prompt has {length} bytes; at most {MAX_PROMPT} are allowed"
        length = sum(_bytes(one) for pair in self.history for one in pair)
        return f"the history has {length} bytes; at most {MAX_HISTORY} are allowed" if length > MAX_HISTORY else ""

    def about(self, pixels: np.ndarray) -> LmmQuery:
        """Return the question about uint8 H×W×3 RGB pixels."""
        return LmmQuery(pixels, self.prompt, self.history, self.max_new_tokens, self.thinking)


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
