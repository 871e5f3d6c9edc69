"""What a training run may be told: one frozen record, read from strings as SageMaker hands them over.

The README's table of hyperparameters is compared with this file by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from container.errors import DataError
from container.fields import DEVICE, Flag, Names, Number, Text, Word

Texts = tuple[str, ...]  # written with commas between them


def hyperparameter(
    default: object, doc: str, low: float = 0.0, high: float = float("inf"), takes: Text | Word | None = None
) -> Any:
    """A field with one line of documentation and, for numbers, the range of its values."""
    numbers = Number(low, high, whole=isinstance(default, int))
    takes_any = {bool: Flag(), int: numbers, float: numbers, str: Text(), tuple: Names()}[type(default)]
    return field(default=default, metadata={"doc": doc, "takes": takes or takes_any})


@dataclass(frozen=True)
class Hyperparameters:
    """Every hyperparameter with its default; `from_strings` reads and checks them."""

    architecture: str = hyperparameter(
        "maskrcnn_mobilenet_v2_fpn", "A detector or a semantic model of `python -m container models`."
    )
    weights: str = hyperparameter(
        "",
        "To start from: a weights file, a name such as `COCO_V1`, or `none`; empty means those of the embedded model "
        "where the backbone is the same. Classes are taken over by name, where the names are known; what else does not "
        "fit by name and shape stays random.",
    )
    partial: bool = hyperparameter(
        False, "Start from weights that fill less than 90 % of a part (backbone, FPN, RPN, heads) too."
    )
    half: bool = hyperparameter(False, "Keep the trained weights in half precision: half the file.")
    device: str = hyperparameter("auto", "`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.", takes=DEVICE)
    parameters: str = hyperparameter(
        "", 'For the builder, as JSON: `{"min_size": 640}`; kept in the model for serving.'
    )
    labels: Texts = hyperparameter((), "Classes to learn, separated by commas; empty means all in the training data.")
    annotations: Texts = hyperparameter(
        (),
        "JSON files of the training data to read, by name and separated by commas: `instances_train.json`; empty means "
        "those that describe photos in it, and of several splits the training split.",
    )
    validation_annotations: Texts = hyperparameter(
        (), "The same for the validation data; empty prefers a validation split, then a test split."
    )
    strict: bool = hyperparameter(
        False, "End at the first photo or annotation that is broken; else up to 5 % are left out, and said."
    )
    shares: Texts = hyperparameter(
        (), "Shares of the batches by data folder: `street=0.7,studio=0.3`; empty means by their photos."
    )
    steps: int = hyperparameter(3000, "Batches to train on.", 1)
    max_minutes: float = hyperparameter(0.0, "Minutes after which the run is over; 0 means no limit.")
    batch_size: int = hyperparameter(4, "Photos a batch, on each GPU.", 1, 1024)
    learning_rate: float = hyperparameter(6e-4, "Peak, of AdamW.", 1e-9, 1.0)
    backbone_rate: float = hyperparameter(0.2, "Learning rate of the backbone in parts of the others'.", 0.0, 10.0)
    weight_decay: float = hyperparameter(0.02, "Of AdamW; none on biases and norms.", 0.0, 1.0)
    clip_norm: float = hyperparameter(5.0, "Longest gradient; longer ones are scaled down.", 1e-6)
    ema: float = hyperparameter(0.999, "Decay of the moving average of the weights, which is what is kept.", 0.0, 1.0)
    freeze: Texts = hyperparameter(
        (), "Weights to leave as they are, by the beginning of their names: `backbone.body.0.,backbone.body.1.`."
    )
    train_batch_norms: bool = hyperparameter(
        False, "Let batch norms learn the statistics of the batches; needs 8 or more photos a batch."
    )
    image_size: int = hyperparameter(384, "Side of the square views to train on, in pixels.", 32, 4096)
    scale_low: float = hyperparameter(0.7, "Smallest longer side of a photo, in parts of `image_size`.", 0.05, 10.0)
    scale_high: float = hyperparameter(2.2, "Largest; what is over the square is cropped.", 0.05, 10.0)
    copy_paste: float = hyperparameter(0.5, "Share of photos onto which masked objects are pasted.", 0.0, 1.0)
    close_ups: float = hyperparameter(
        0.0, "Share of a detector's views that are cut around one object, so that it fills much of them.", 0.0, 1.0
    )
    precision: str = hyperparameter(
        "auto",
        "`fp32`, `bf16`, or `auto`: bf16 where the machine is fast at it.",
        takes=Word(("auto", "fp32", "bf16")),
    )
    workers: int = hyperparameter(-1, "Processes that read photos; -1 means one for every two cores, up to 8.", -1, 64)
    evaluate_steps: int = hyperparameter(500, "Steps between two measurements on the validation data.", 1)
    checkpoint_minutes: float = hyperparameter(5.0, "Minutes between two checkpoints.", 0.01)
    seed: int = hyperparameter(0, "Of everything random.", 0, 2**31)

    @classmethod
    def from_strings(cls, given: Mapping[str, str]) -> Self:
        """Read values as strings; DataError names what is unknown, of the wrong type or out of its range."""
        known = {f.name: f for f in fields(cls)}
        # SageMaker's SDK puts its own beside the user's, under names like sagemaker_program.
        own = {k: v for k, v in given.items() if not k.startswith("sagemaker_")}
        if unknown := sorted(set(own) - set(known)):
            raise DataError(f"unknown hyperparameters {', '.join(unknown)}; known: {', '.join(known)}")
        values: dict[str, Any] = {name: _value(known[name], own[name]) for name in own}
        read = cls(**values)
        if read.scale_low > read.scale_high:
            raise DataError(f"hyperparameter scale_low is {read.scale_low:g}, above scale_high, {read.scale_high:g}")
        return read


def _value(known: Any, text: str) -> object:
    """`text` as a value of a field."""
    # Some clients send every value as JSON: "\"none\"" and "\"5\"" are none and 5.
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    takes = known.metadata["takes"]
    try:
        value = takes.parse(text)
    except ValueError:
        value = None
    if value is None or not takes.fits(value):
        raise DataError(f"hyperparameter {known.name} takes {takes.words}, not {text!r}")
    return value
