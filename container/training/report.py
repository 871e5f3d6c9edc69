"""What a run leaves to look at: its curves, and its photos with what it predicts drawn on them."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from container.datasets.base import Dataset
from container.engines.base import ImageEngine
from container.rendering import draw
from container.rendering.contact_sheet import contact_sheet
from container.structures import Appearance, ImageQuery, Instances
from container.training import journal, pixels

CURVES = "data/curves.png"  # within the output folder, beside the journal
PREDICTIONS = "data/predictions.png"
PHOTOS, COLUMNS, CELL = 16, 4, (300, 400)
SMOOTHED = 0.05  # share of a curve that one of its smoothed points is the mean of
_NOT_DRAWN = ("step", "minutes", "done", "photos_per_second", "seconds_per_photo")

Curve = tuple[list[float], list[float]]  # steps and values


def draw_curves(output: Path) -> None:
    """Draw the journal in `output`: losses over the steps and, where there are any, the validation numbers."""
    # Here, since it takes half a second that serving need not spend.
    from matplotlib.figure import Figure

    records = _kept(journal.read(output))
    losses = _curves(record for record in records if "loss" in record)
    measured = _curves(record for record in records if "loss" not in record)
    figure = Figure(figsize=(14 if measured else 7, 5), layout="constrained")
    panels = figure.subplots(1, 2 if measured else 1, squeeze=False)[0]
    for i, (name, (steps, values)) in enumerate(losses.items()):
        panels[0].plot(steps, values, color=f"C{i}", alpha=0.25)
        panels[0].plot(steps, _smoothed(values), color=f"C{i}", marker=_marker(steps), label=name)
    positive = any(value > 0 for _, values in losses.values() for value in values)
    panels[0].set(title="training", xlabel="step", yscale="log" if positive else "linear")
    for name, (steps, values) in measured.items():
        panels[1].plot(steps, values, marker="o", markersize=3, label=name)
    for panel in panels[1:]:
        panel.set(title="validation", xlabel="step")
    for panel in panels:
        panel.grid(alpha=0.3)
        if panel.lines:
            panel.legend(fontsize="small")
    path = output / CURVES
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def draw_predictions(engine: ImageEngine, dataset: Dataset, output: Path) -> None:
    """Draw up to 16 photos, evenly spaced over the dataset, with what the engine predicts for them."""
    count = min(PHOTOS, len(dataset.photos))
    photos = [dataset.photos[i * len(dataset.photos) // count] for i in range(count)]
    pictures = []
    for photo in photos:
        read, _ = pixels.read(photo)
        [prediction] = engine.predict([ImageQuery(read)])
        if isinstance(prediction, Instances):
            prediction = prediction.finite()
        pictures.append(draw(read, prediction, Appearance()))
    sheet = contact_sheet(pictures, [photo.path.name for photo in photos], COLUMNS, CELL)
    pixels.write_png(output / PREDICTIONS, sheet)


def _kept(records: list[dict[str, float]]) -> list[dict[str, float]]:
    """Without what an interrupted run had said beyond the checkpoint that it was taken up from."""
    kept: list[dict[str, float]] = []
    for record in reversed(records):
        if not kept or record["step"] <= kept[-1]["step"]:
            kept.append(record)
    return kept[::-1]


def _curves(records: Iterable[dict[str, float]]) -> dict[str, Curve]:
    curves: dict[str, Curve] = defaultdict(lambda: ([], []))
    for record in records:
        for name, value in record.items():
            if name not in _NOT_DRAWN:
                steps, values = curves[name]
                steps.append(record["step"])
                values.append(value)
    return curves


def _smoothed(values: list[float]) -> np.ndarray:
    """A moving mean over a share of the curve; at its ends over what there is."""
    window = np.ones(2 * round(len(values) * SMOOTHED / 2) + 1)
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def _marker(steps: list[float]) -> str | None:
    """A line of one point is not to be seen."""
    return "o" if len(steps) == 1 else None
