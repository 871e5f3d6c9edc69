"""Reading of text in pictures: which model reads, and what it is asked."""

from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

from container.errors import BadRequest, ModelNotFound, NotOffered
from container.models.policies import Policy
from container.service.pipeline import Run
from container.service.segmenting import Family
from container.structures import Image, Options, Result
from container.structures.texts import TextQuery

READER = "ocr/pp-ocr"  # the id of the model that reads text
PACKAGES = ("openvino", "rapidocr")
_WAY = (
    "put a folder of transformers' VisionEncoderDecoderModel into {folder}, with config.json, model.safetensors, "
    "processor_config.json and tokenizer.json: from https://huggingface.co/microsoft/trocr-base-printed, say; "
    "/doctr/ocr, /easy_ocr/ocr and /ocr/pp-ocr read text without"
)
TROCR = Family("trocr", "trocr_version_id", "trocr-base-printed", _WAY)

# Options that mean nothing to a reader.
WITHOUT_EFFECT = (
    *("iou_threshold", "class_agnostic_nms", "max_candidates", "mask_decode_mode", "tradeoff_factor"),
    *("masks", "opacity"),
)


def reader(policy: Policy) -> str:
    """Return the id of the model that reads; NotOffered if there is none, before any picture is looked at."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise NotOffered(
            f"reading of text needs the package {' and '.join(missing)}",
            hint=f"pip install {' '.join(missing)}, or install what requirements.txt names",
        )
    try:
        policy.find(READER)
        return READER
    except ModelNotFound:
        raise NotOffered(
            "reading of text is not offered where clients load models by name",
            hint="a server of one model reads text; so does one with a folder of models by id",
        ) from None


def line_reader(version: str | None, policy: Policy) -> str:
    """Return the id of the TrOCR model of a version, None if the request names none; the errors of Family.find."""
    if version is None and not policy.versions(TROCR.name):
        with suppress(ModelNotFound):
            policy.find(TROCR.name)  # the folder is a model itself
            return TROCR.name
    return TROCR.find(version, policy)


def read(run: Run, images: Sequence[Image], options: Options) -> list[Result]:
    """Return the lines of text in each image, those that `options` want; raises the errors of Run.ask.

    Of the options `confidence` and `max_detections` have an effect; BadRequest for a filter of classes.
    """
    spec = run.engine.spec
    if options.class_filter:
        raise BadRequest(f"class_filter names {options.class_filter[0][:40]!r}, and model {spec.name!r} has no classes")
    confidence = next((one for one in (options.confidence, spec.options.confidence) if one is not None), 0.0)
    most = options.max_detections or spec.options.max_detections
    readings = run.ask([TextQuery(image.pixels) for image in images])
    return [Result(image, one.kept(confidence, most), spec.name) for image, one in zip(images, readings, strict=True)]
