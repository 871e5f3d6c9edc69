"""What an evaluation leaves: figures as JSON, pictures as PNG files, and why it fails."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from container.evaluation.bootstrap import Comparison
from container.evaluation.detection import DetectionReport
from container.evaluation.photos import OF_REPORTS
from container.evaluation.report import Report
from container.scoring import pictures

REPORT, CURVES, CONFUSION, WORST = "report.json", "precision-recall.png", "confusion.png", "worst.png"
_WORDS = {"box": "boxes", "mask": "masks"}


@dataclass(frozen=True)
class Measured:
    """A report, with what it is of and what else is drawn of it."""

    report: Report
    iou_type: str  # what the pictures and the limit of `failures` are about
    data_revision: object
    config: dict[str, Any]
    version: str
    worst: Callable[[], np.ndarray]  # the picture of what was missed
    comparison: Comparison | None = None
    baseline: str = ""  # which run it is compared with

    @property
    def figure(self) -> tuple[str, float | None]:
        """The name of the figure that a limit is about, and the figure."""
        figures = self.report.summary()
        name = "mean_iou" if "mean_iou" in figures else f"{OF_REPORTS[self.iou_type]}_ap"
        return name, figures.get(name)

    def compared(self) -> str:
        """Return what the comparison says, in two lines; empty without one."""
        one = self.comparison
        if one is None:
            return ""
        return (
            f"AP {one.ap:.4f}, {one.baseline_ap:.4f} of {self.baseline}\n"
            f"difference {one.delta:+.4f}, 95 % interval {one.low:+.4f} to {one.high:+.4f}, p {one.p:.3g}"
        )

    def failures(self, least: float | None) -> list[str]:
        """Return why the figure or the comparison is not good enough, a text each."""
        texts = []
        name, value = self.figure
        if least is not None and (value is None or value < least):
            texts.append(f"{name} is {'nothing' if value is None else f'{value:.4f}'}, under {least}")
        if self.comparison is not None and self.comparison.worse:
            texts.append(f"the run is significantly worse than {self.baseline}")
        return texts


def write(measured: Measured, folder: Path | None, json_file: Path | None, worst: Path | None) -> None:
    """Write all that there is into a folder, and the figures and the worst photos into files of their own, if asked."""
    if not (folder or json_file or worst):
        return
    report, rows = measured.report, None
    if isinstance(report, DetectionReport):
        sample = report.samples[OF_REPORTS[measured.iou_type]]
        least = report.best_confidence or 0.0
        rows = pictures.confusions(sample, least)
        if folder:
            what, subtitle = _WORDS[OF_REPORTS[measured.iou_type]], f"{report.subject.model} on {report.subject.data}"
            title = f"Precision over recall, {what} at IoU {pictures.IOU:.2f}"
            _write_png(folder / CURVES, pictures.curves_picture(sample, title, subtitle))
            title = f"{what.capitalize()} at IoU {pictures.IOU:.2f}, confidence {least:.2f} and more"
            _write_png(folder / CONFUSION, pictures.confusion_picture(sample, rows, title, subtitle))
    if folder or worst:
        picture = measured.worst()
        for path in filter(None, (worst, folder and folder / WORST)):
            _write_png(path, picture)
    text = json.dumps(_document(measured, rows), indent=1, ensure_ascii=False) + "\n"
    for path in filter(None, (json_file, folder and folder / REPORT)):
        path.write_bytes(text.encode("utf-8", "backslashreplace"))  # half a surrogate pair, as JSON escapes it


def _document(measured: Measured, rows: list[tuple[str, str, int]] | None) -> dict[str, Any]:
    report = measured.report
    document = report.as_dict()
    if rows is not None:
        document["iou_type"] = measured.iou_type
        document["confusion"] = {
            "iou": pictures.IOU,
            "confidence": report.best_confidence or 0.0,
            "rows": [{"truth": truth, "found": found, "count": count} for truth, found, count in rows],
        }
    if measured.comparison is not None:
        document["comparison"] = {"baseline": measured.baseline, **asdict(measured.comparison)}
    return document | {
        "data_revision": measured.data_revision,
        "config": measured.config,
        "version": measured.version,
    }


def _write_png(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path, "PNG")
