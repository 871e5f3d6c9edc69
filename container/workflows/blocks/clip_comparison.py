"""CLIP: how similar a picture is to each of some texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from container.fields import Name
from container.structures.strict_json import numbers
from container.workflows import kinds
from container.workflows.blocks._models import IMAGES, MAX_ID
from container.workflows.blocks._rows import picture, value
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.models import Compared
from container.workflows.values import Classified, Picture, new_id

MAX_TEXTS = 64


class Texts:
    """A list of 1 to MAX_TEXTS texts."""

    words = f"a list of 1 to {MAX_TEXTS} texts"
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_TEXTS}

    def convert(self, given: object) -> tuple[str, ...]:
        """Return a JSON value as a tuple; ValueError."""
        if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
            raise ValueError
        if not 1 <= len(given) <= MAX_TEXTS:
            raise ValueError(f"there are {len(given)} texts; 1 to {MAX_TEXTS} are allowed")
        return tuple(given)


_TEXTS = Field("texts", "What the picture is compared with", Texts(), (kinds.LIST,), aliases=("text",))
_CLASSES = Field("classes", "What the picture is compared with", Texts(), (kinds.LIST,))
_VERSION = Field("version", "The version of the model; null is ViT-B-16, or the only one", Name(MAX_ID),
                 (kinds.STRING,), None)  # fmt: skip
_PARENTS = (Output("parent_id", (kinds.PARENT_ID,)), Output("root_parent_id", (kinds.PARENT_ID,)))


@dataclass(eq=False)
class ClipComparison(Block):
    """Compares all pictures of a level together; each version is an instance."""

    ids: tuple[str, ...]
    fields: tuple[Field, ...]
    outputs: tuple[Output, ...]

    title = "CLIP comparison"
    doc = "Says how similar a picture is to each of some texts, from -1 to 1."

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        """Return the outputs for one picture; see `run_all`."""
        return self.run_all([row], step)[0]

    def run_all(self, rows: Sequence[Row], step: Step) -> list[dict[str, Any]]:
        """Return the outputs for each picture; raises the errors of Models.compare, and StepFailed for wrong values."""
        texts = self.fields[1].name
        asked = [
            Compared(
                picture(row, IMAGES.name),
                value(self, row, texts),
                value(self, row, _VERSION.name) if _VERSION in self.fields else None,
            )
            for row in rows
        ]
        wanted = [output.name for output in self.outputs]
        found = step.models.compare(asked)
        made = [_outputs(one.picture, one.texts, scores) for one, scores in zip(asked, found, strict=True)]
        return [{name: one[name] for name in wanted} for one in made]


def _outputs(shown: Picture, texts: Sequence[str], cosines: np.ndarray) -> dict[str, Any]:
    """Return the outputs of all versions; the first of equal texts is meant."""
    scores, order = numbers(cosines), np.argsort(-cosines, kind="stable").tolist()
    best, worst = order[0], int(np.argmin(cosines))
    labels, ranked = tuple(texts[i] for i in order), tuple(scores[i] for i in order)
    return {
        "similarity": scores,
        "similarities": scores,
        "max_similarity": scores[best],
        "most_similar_class": texts[best],
        "min_similarity": scores[worst],
        "least_similar_class": texts[worst],
        "classification_predictions": Classified(labels, tuple(order), ranked, shown.frame, new_id(), 0.0),
        "prediction_type": "classification",
        "parent_id": shown.frame.id,
        "root_parent_id": shown.frame.whole().id,
    }


add(
    ClipComparison(
        ("roboflow_core/clip_comparison@v1", "ClipComparison"),
        (IMAGES, _TEXTS),
        (Output("similarity", (kinds.LIST,)), *_PARENTS, Output("prediction_type", (kinds.PREDICTION_TYPE,))),
    )
)
add(
    ClipComparison(
        ("roboflow_core/clip_comparison@v2",),
        (IMAGES, _CLASSES, _VERSION),
        (
            Output("similarities", (kinds.LIST,)),
            Output("max_similarity", (kinds.FRACTION,)),
            Output("most_similar_class", (kinds.STRING,)),
            Output("min_similarity", (kinds.FRACTION,)),
            Output("least_similar_class", (kinds.STRING,)),
            Output("classification_predictions", (kinds.CLASSIFICATION,)),
            *_PARENTS,
        ),
    )
)
