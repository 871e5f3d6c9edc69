"""What the blocks that ask a model of images have in common: their fields, and how these become a question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from container.errors import BadRequest
from container.fields import Flag, Name, Number, Word
from container.service.by_id import DEFAULT_CONFIDENCE
from container.structures import Options
from container.structures.options import declared
from container.workflows import kinds
from container.workflows.blocks._rows import picture, value
from container.workflows.manifest import Block, Field, Output, Row, Step, Takes
from container.workflows.models import Asked, Found
from container.workflows.values import Classified, Detections

MAX_ID = 200  # characters of a model's id
TAKES = {name: one.takes for name, one in declared(Options).items()}


@dataclass(frozen=True)
class OrNull:
    """Values of another field, and null, though null is not the default."""

    takes: Takes

    @property
    def words(self) -> str:
        """The values in words."""
        return f"{self.takes.words} or null"

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"anyOf": [self.takes.schema, {"type": "null"}]}

    def convert(self, value: object) -> Any:
        """Return None for null, else what the field makes of a value, such as a number of a text, too; ValueError."""
        if value is None:
            return None
        if isinstance(value, str) and isinstance(self.takes, Number | Flag):
            value = self.takes.parse(value)
        return self.takes.convert(value)


IMAGES = Field("images", "The picture", kinds=(kinds.IMAGE,), aliases=("image",))
MODEL_ID = Field(
    "model_id", "The id of the model, such as maskrcnn/1; served is the served one", Name(MAX_ID), (kinds.MODEL_ID,)
)
CONFIDENCE = Field(
    "confidence", "Lower scores are left out", TAKES["confidence"], (kinds.FRACTION,), DEFAULT_CONFIDENCE
)
CUSTOM = Field(
    "custom_confidence",
    "With the mode custom: lower scores are left out",
    OrNull(TAKES["confidence"]),
    (kinds.FRACTION,),
    DEFAULT_CONFIDENCE,
)
NMS = (
    Field("class_filter", "Other classes are left out; null or an empty list leaves out none",
          TAKES["class_filter"], (kinds.LIST,), None),
    Field("iou_threshold", "Of two boxes that overlap more than this, the better stays",
          TAKES["iou_threshold"], (kinds.FRACTION,), 0.3),
    Field("max_detections", "The best ones that are kept", TAKES["max_detections"], (kinds.INTEGER,), 300),
    Field("class_agnostic_nms", "Boxes of different classes compete, too",
          OrNull(TAKES["class_agnostic_nms"]), (kinds.BOOLEAN,), False),
    Field("max_candidates", "Boxes that compete at most", TAKES["max_candidates"], (kinds.INTEGER,), 3000),
)  # fmt: skip
MASKS = (
    Field("mask_decode_mode", "How finely masks follow their outline",
          TAKES["mask_decode_mode"], (kinds.STRING,), "accurate"),
    Field("tradeoff_factor", "With the mode tradeoff: 0 is fast, 1 is accurate",
          TAKES["tradeoff_factor"], (kinds.FRACTION,), 0.0),
)  # fmt: skip
ACTIVE_LEARNING = (
    Field("disable_active_learning", "Has no effect", Flag(), (kinds.BOOLEAN,), True),
    Field("active_learning_target_dataset", "Has no effect", Name(MAX_ID), (kinds.PROJECT,), None),
)
DENSE = Field("enforce_dense_masks_in_inference_models", "Has no effect", Flag(), (kinds.BOOLEAN,), True)


def mode(*words: str) -> Field:
    """Return the field that says where the least confidence comes from; the first word is the default."""
    meant = {"best": "the model's own", "default": str(DEFAULT_CONFIDENCE), "custom": CUSTOM.name}
    doc = "What the least score is; " + ", ".join(f"{word}: {meant[word]}" for word in words)
    return Field("confidence_mode", doc, Word(words), (kinds.STRING,), words[0])


BEST = mode("best", "default", "custom")
DEFAULT = mode("default", "custom")


@dataclass(eq=False)
class ModelBlock(Block):
    """A block that asks a model of images, all pictures of a level together; each version of one is an instance."""

    ids: tuple[str, ...]
    title: str
    doc: str
    task: str  # as Engine.task
    kinds: tuple[str, ...]  # of its predictions
    options: tuple[Field, ...]  # all fields but the picture and the model
    named: bool = True  # False if there is no output `model_id`
    masks: bool = True  # False if no masks are needed
    rle: bool = False  # True if answers hold masks as run lengths

    def __post_init__(self) -> None:
        self.fields = (IMAGES, MODEL_ID, *self.options)
        self.outputs = (
            Output("inference_id", (kinds.INFERENCE_ID if self.named else kinds.STRING,)),
            Output("predictions", self.kinds),
            *([Output("model_id", (kinds.MODEL_ID,))] if self.named else []),
        )

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        """Return the outputs for one picture; see `run_all`."""
        return self.run_all([row], step)[0]

    def run_all(self, rows: Sequence[Row], step: Step) -> list[dict[str, Any]]:
        """Return the outputs for each picture; raises the errors of Models.ask, and StepFailed for a wrong value."""
        names = [one.name for one in self.fields[1:]]
        values = [{name: value(self, row, name) for name in names} for row in rows]
        asked = [self._asked(one) for one in values]
        found = step.models.ask([picture(row, IMAGES.name) for row in rows], asked, step.room)
        return [self._outputs(one, given) for one, given in zip(found, values, strict=True)]

    def _outputs(self, found: Found, values: Row) -> dict[str, Any]:
        predictions = self.finished(found.value, values)
        named = {"model_id": found.model_id} if self.named else {}
        return {"inference_id": found.value.inference_id, "predictions": predictions, **named}

    def finished(self, found: Detections | Classified, values: Row) -> Detections | Classified:
        """Return what the step gives of what was found, for these values of its fields."""
        return replace(found, rle=self.rle) if isinstance(found, Detections) else found

    def _asked(self, values: Row) -> Asked:
        options = {name: values[name] for name in TAKES if name in values and name != CONFIDENCE.name}
        if not options.get("class_filter"):
            options["class_filter"] = None
        return Asked(values[MODEL_ID.name], self.task, _confidence(values), Options(**options), self.masks)


def _confidence(values: Row) -> float | str:
    """Return the least confidence, or the word for it."""
    wanted = values.get("confidence_mode")
    if wanted is None:
        return float(values.get(CONFIDENCE.name, DEFAULT_CONFIDENCE))
    if wanted != "custom":
        return str(wanted)
    if values[CUSTOM.name] is None:
        raise BadRequest("confidence_mode is custom and custom_confidence is null", hint="such as 0.4")
    return float(values[CUSTOM.name])
