"""How good a model is on labelled photos: read each, predict it as the server would, measure."""

import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from container.datasets.base import Dataset, is_background
from container.engines.base import Engine, ImageEngine
from container.errors import DataError, ModelError
from container.evaluation.average_precision import MAX_DETECTIONS
from container.evaluation.detection import DetectionTally
from container.evaluation.faults import CONFIDENCE
from container.evaluation.report import Report, Subject, listed
from container.evaluation.semantic import SemanticTally
from container.rendering import draw
from container.rendering.annotations import draw_dashed
from container.rendering.contact_sheet import contact_sheet
from container.structures import Appearance, ImageQuery, Instances, Options, SemanticMap
from container.training import pixels

__all__ = ["Report", "evaluate", "worst"]

WORST, COLUMNS, CELL = 12, 4, (300, 400)
CONFIDENCE_ASKED = 0.05  # whatever the model's own default
CONFIG = {"confidence": CONFIDENCE_ASKED, "max_detections": MAX_DETECTIONS}  # what models are measured with


def evaluate(
    engine: Engine[Any, Any],
    dataset: Dataset,
    *,
    confidence: float = CONFIDENCE_ASKED,
    progress: Callable[[int], object] = lambda photos: None,
) -> Report:
    """Measure a detector or a semantic model over the labels that it shares with the data, by name.

    DataError names the photo that cannot be used, or says that no label is shared; ModelError for another kind.

    Args:
        confidence: detections below it are not asked for.
        progress: told 1 after every photo.
    """
    if not isinstance(engine, ImageEngine):
        raise ModelError(f"{engine.spec.name} is for {engine.task}; what is measured here is objects or pixels")
    subject = _subject(engine, dataset)
    objects, regions = DetectionTally(subject, confidence), SemanticTally(subject)
    tally: DetectionTally | SemanticTally = objects
    options = Options(confidence=confidence, max_detections=MAX_DETECTIONS)
    seconds = []
    for labelled in dataset.photos:
        read, photo = pixels.read(labelled)
        begun = time.perf_counter()
        [prediction] = engine.predict([ImageQuery(read, options)])
        seconds.append(time.perf_counter() - begun)
        if isinstance(prediction, Instances):
            objects.add(photo, prediction.finite())
        elif isinstance(prediction, SemanticMap):
            tally = regions
            regions.add(photo, prediction)
        else:
            raise ModelError(f"{subject.model} names whole pictures; what is measured here is objects or pixels")
        progress(1)
    return tally.report(median(seconds))


def worst(engine: Engine[Any, Any], dataset: Dataset, report: Report) -> np.ndarray:
    """The photos with the worst faults of a report on the same data, as one picture: uint8 H×W×3 RGB, the worst first.

    What is found at confidence 0.5 is drawn as ever, objects that were missed are dashed.
    """
    options = Options(confidence=CONFIDENCE, max_detections=MAX_DETECTIONS, class_filter=report.subject.labels)
    pictures, captions = [], []
    for i in sorted(range(len(dataset.photos)), key=lambda i: -report.faults[i].weight)[:WORST]:
        photo, faults = dataset.photos[i], report.faults[i]
        read, _ = pixels.read(photo)
        [prediction] = engine.predict([ImageQuery(read, options)])
        drawn = draw(read, prediction.finite() if isinstance(prediction, Instances) else prediction, Appearance())
        draw_dashed(drawn, faults.missed)
        pictures.append(drawn)
        captions.append(f"{photo.path.name}: {faults.words}")
    return contact_sheet(pictures, captions, COLUMNS, CELL)


def _subject(engine: ImageEngine, dataset: Dataset) -> Subject:
    counts = Counter(a.label for photo in dataset.photos for a in photo.objects)
    known = dict.fromkeys(label for label in engine.labels if not is_background(label))
    subject = Subject(
        model=engine.spec.name,
        data=dataset.name,
        photos=len(dataset.photos),
        objects={label: counts[label] for label in dataset.labels if counts[label] and label in known},
        unknown=tuple(label for label in dataset.labels if counts[label] and label not in known),
        absent=tuple(label for label in known if not counts[label]),
    )
    if not subject.objects:
        raise DataError(
            f"{dataset.name}: no object has a label that the model knows; the objects' labels: "
            f"{listed(subject.unknown) or 'none'}; the model's: {listed(tuple(known))}"
        )
    return subject
