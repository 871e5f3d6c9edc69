"""The fields of an inference request, declared once: members of a JSON body in v1, parameters of a query in v0."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, get_args

from container.engines.base import ImageEngine
from container.errors import MAX_SHOWN as SHOWN_OF_MEMBER
from container.errors import BadRequest, Unprocessable
from container.fields import MAX_SHOWN, Flag, Name, Names, Number, Word
from container.service import by_id
from container.structures import Appearance, MaskDecodeMode, Options, PreprocessingStep
from container.structures.options import declared

_MAX_SOURCE = 80  # characters of `source` and `source_info` that are logged
_ON, _OFF = ("true", "1", "on", "yes", "y", "t"), ("false", "0", "off", "no", "n", "f")
_DECLARED = {name: one.takes for record in (Options, Appearance) for name, one in declared(record).items()}
_FRACTION = Number(0, 1)


# What members of a body are, in words.
TYPES: dict[type, str] = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}


class Takes(NamedTuple):
    """What a field takes."""

    values: Number | Flag | Word | Names | Name | None  # None: any text
    query: str = ""  # its name in v0, if that is another
    percent: bool = False  # True if numbers of 1 or more are percents in v0
    words: tuple[str, ...] = ()  # that it takes besides


def _takes(values: Number | Flag | Word | Names | Name | None, default: object, query: str = "", **more: Any) -> Any:
    return field(default=default, metadata={"takes": Takes(values, query, **more)})


def _option(declared_as: str, default: object, query: str = "", **more: Any) -> Any:
    return _takes(_DECLARED[declared_as], default, query, **more)


@dataclass(frozen=True)
class Fields:
    """What a request asks for beside its pictures; the names are those of v1."""

    # Those of `Options`, with the defaults of Roboflow.
    confidence: float | str = _option(
        "confidence", by_id.DEFAULT_CONFIDENCE, percent=True, words=by_id.WORDS_OF_CONFIDENCE
    )
    iou_threshold: float = _option("iou_threshold", 0.3, "overlap", percent=True)
    class_agnostic_nms: bool = _option("class_agnostic_nms", False)
    class_filter: tuple[str, ...] | None = _option("class_filter", None, "classes")
    max_detections: int = _option("max_detections", 300)
    max_candidates: int = _option("max_candidates", 3000)
    mask_decode_mode: MaskDecodeMode = _option("mask_decode_mode", "accurate")
    tradeoff_factor: float = _option("tradeoff_factor", 0.0)

    response_mask_format: str = _takes(Word(("polygon", "rle")), "polygon")
    keypoint_confidence: float = _takes(_FRACTION, 0.0)
    disable_preproc_auto_orient: bool = _takes(Flag(), False)
    disable_preproc_contrast: bool = _takes(Flag(), False)
    disable_preproc_grayscale: bool = _takes(Flag(), False)
    disable_preproc_static_crop: bool = _takes(Flag(), False)
    visualize_predictions: bool = _takes(Flag(), False)
    visualization_labels: bool = _takes(Flag(), False, "labels")
    visualization_stroke_width: int = _option("line_width", 1, "stroke")
    source: str = _takes(None, "")
    source_info: str = _takes(None, "")
    id: str = _takes(None, "")

    def options(self, engine: ImageEngine) -> Options:
        """Return the options of a prediction; names that the model does not know are left out of the filter."""
        values = {name: getattr(self, name) for name in declared(Options) if name != "confidence"}
        return by_id.known_options(Options(**values), self.confidence, engine)

    def least_confidence(self, engine: ImageEngine) -> float:
        """Return the confidence under which nothing is answered; "best" is the model's own default."""
        return by_id.least_confidence(self.confidence, engine)

    @property
    def skipped(self) -> frozenset[PreprocessingStep]:
        """The steps of the model's preprocessing that are left out."""
        steps: tuple[PreprocessingStep, ...] = get_args(PreprocessingStep)
        return frozenset(step for step in steps if getattr(self, f"disable_preproc_{step}"))

    @property
    def logged(self) -> dict[str, object]:
        """What stands in the request's log line."""
        given = {"source": self.source[:_MAX_SOURCE], "source_info": self.source_info[:_MAX_SOURCE]}
        return {name: value for name, value in given.items() if value}


TAKES: dict[str, Takes] = {f.name: f.metadata["takes"] for f in fields(Fields)}


class WrongType(Unprocessable):
    """A field is of another type, or none of its words."""

    def __init__(self, message: str, name: str, value: object) -> None:
        super().__init__(message)
        self.detail = [{"loc": ["body", name], "msg": message, "type": "value_error", "input": _short(value)}]


def read_member(
    document: Mapping[str, Any], name: str, kind: type, default: Any = None, words: tuple[str, ...] = ()
) -> Any:
    """Return a member of a JSON body, `default` for null; WrongType for another type or none of `words`."""
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or words and value not in words:
        takes = " or ".join(words) or TYPES[kind]
        raise WrongType(f"{name} is {ascii(value)[:SHOWN_OF_MEMBER]}; it takes {takes}", name, value)
    return value


def from_document(document: Mapping[str, Any]) -> Fields:
    """Return the fields of a JSON body; members that are none are passed over, and null is the default.

    Raises WrongType for another type or an unknown word, BadRequest for a number out of range.
    """
    given = {name: document[name] for name in TAKES if document.get(name) is not None}
    return Fields(**{name: _read(TAKES[name], name, value) for name, value in given.items()})


def from_query(query: Mapping[str, str]) -> Fields:
    """Return the fields of a query, as `from_document` does; an empty parameter is the default."""
    values: dict[str, Any] = {}
    for name, takes in TAKES.items():
        text = query.get(takes.query or name, "")
        if text:
            value = list(takes.values.parse(text)) if isinstance(takes.values, Names) else text
            values[name] = _read(takes, takes.query or name, value, takes.percent)
    return Fields(**values)


def _read(takes: Takes, name: str, value: Any, percent: bool = False) -> Any:
    kind, given = takes.values, value
    if isinstance(value, str) and value in takes.words:
        return value
    try:
        if kind is None:
            return _text(value)
        if isinstance(kind, Flag):
            return _flag(value)
        if isinstance(value, str) and isinstance(kind, Number):
            value = float(value) if not kind.whole else int(value)
        if percent and value >= 1:
            value /= 100
        return kind.convert(value)
    except (ValueError, OverflowError):
        words = [kind.words if kind else "a text", *(f'"{word}"' for word in takes.words)]
        if percent:
            words.insert(1, "from 1 to 100 percent")
        message = f"{name} is {_short(given)}; it takes {' or '.join(words)}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if (isinstance(kind, Number) and number) or name == "mask_decode_mode":
        raise BadRequest(message)
    raise WrongType(message, name, given)


def _flag(value: object) -> bool:
    """Return a boolean of JSON, or of its spellings in queries; ValueError for anything else."""
    word = str(value).lower() if isinstance(value, bool | int | str) else ""
    if word in _ON or word in _OFF:
        return word in _ON
    raise ValueError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str | list | dict) else str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
