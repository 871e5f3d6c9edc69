"""Curves and predictions as pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from container.datasets import coco
from container.engines.base import ImageEngine
from container.rendering.contact_sheet import CAPTION, MARGIN
from container.structures import ImageQuery, Instances, ModelSpec, Prediction, SemanticMap
from container.training.journal import LINES
from container.training.report import CELL, COLUMNS, CURVES, PREDICTIONS, draw_curves, draw_predictions
from tests.conftest import pixels_of
from tests.fakes import LABELS, SPEC, FakeEngine
from tests.training import folders

Record = dict[str, float]


def curves(folder: Path, records: list[Record]) -> np.ndarray:
    """The picture of a journal with these records."""
    (folder / LINES).parent.mkdir(parents=True)
    (folder / LINES).write_text("".join(json.dumps(record) + "\n" for record in records))
    draw_curves(folder)
    return pixels_of((folder / CURVES).read_bytes())


def step(step: int, loss: float, **others: float) -> Record:
    return {"step": step, "minutes": 1.0, "done": 0.5, "loss": loss, **others, "photos_per_second": 9.0}


def measured(step: int, value: float) -> Record:
    return {"step": step, "minutes": 1.0, "done": 0.5, "box_ap50": value, "seconds_per_photo": 0.2}


RUN = [step(20, 3.0, loss_mask=1.0), step(40, 2.0), measured(40, 0.2), step(60, 1.0), measured(60, 0.4)]


@pytest.mark.parametrize(
    ("records", "panels"),
    [
        ([], 1),
        ([step(20, 3.0)], 1),
        ([step(20, 0.0), step(40, 0.0)], 1),
        ([step(20, float("nan"))], 1),
        ([measured(10, 0.2)], 2),
        (RUN, 2),
        ([step(20 * i, 1 / i) for i in range(1, 200)], 1),
    ],
)
def test_there_is_a_panel_for_losses_and_one_for_measurements(
    records: list[Record], panels: int, tmp_path: Path
) -> None:
    assert curves(tmp_path, records).shape[:2] == (500, 700 * panels)


def test_every_number_is_drawn(tmp_path: Path) -> None:
    pictures = [
        curves(tmp_path / str(i), records)
        for i, records in enumerate((RUN[1:], RUN, [*RUN, measured(60, 0.9)], [*RUN, step(60, 9.0)]))
    ]
    assert not any(np.array_equal(one, pictures[1]) for one in (pictures[0], *pictures[2:]))


def test_what_an_interrupted_run_said_beyond_its_checkpoint_is_not_drawn(tmp_path: Path) -> None:
    lost = [step(60, 5.0), measured(60, 0.9), step(80, 7.0)]
    resumed = curves(tmp_path / "resumed", [*RUN[:3], *lost, *RUN[3:]])
    # The records of step 60 itself stand beside the new ones; those after it are gone.
    np.testing.assert_array_equal(resumed, curves(tmp_path / "plain", [*RUN[:3], *lost[:2], *RUN[3:]]))


BOXES_ONLY = Instances(
    image_size=(folders.HEIGHT, folders.WIDTH),
    boxes=np.array([[8, 8, 40, 40], [np.nan, 0, 9, 9]], np.float32),
    scores=np.array([0.9, 0.8], np.float32),
    classes=np.array([1, 2]),
    labels=("person", "horse"),
)
NOTHING = BOXES_ONLY[np.zeros(2, bool)]
MAP = SemanticMap(np.tile(np.repeat([0, 1], 32), (48, 1)).astype(np.uint8), {1: 0.9}, LABELS)


@dataclass
class Says(ImageEngine):
    """Says the same of every picture."""

    answer: Prediction
    spec: ModelSpec = SPEC
    seen: list[np.ndarray] = field(default_factory=list)

    task = "anything"

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        self.seen += [query.pixels for query in queries]
        return [self.answer for _ in queries]


def drawn(engine: ImageEngine, folder: Path, photos: int = 1) -> np.ndarray:
    draw_predictions(engine, coco.read(folders.write(folder / "shapes", photos)), folder)
    return pixels_of((folder / PREDICTIONS).read_bytes())


@pytest.mark.parametrize("engine", [FakeEngine(), Says(BOXES_ONLY), Says(MAP)], ids=["masks", "boxes", "map"])
def test_predictions_are_drawn_on_the_photos(engine: ImageEngine, tmp_path: Path) -> None:
    plain, found = drawn(Says(NOTHING), tmp_path / "plain"), drawn(engine, tmp_path / "found")
    assert plain.shape == found.shape == (CELL[0] + CAPTION + 2 * MARGIN, CELL[1] + 2 * MARGIN, 3)
    changed = (plain != found).any(2)
    assert changed[:-CAPTION].mean() > 0.01 and not changed[-CAPTION - MARGIN :].any()
    disc = plain[MARGIN + 14 * 6, MARGIN + 16 * 6]
    assert disc[0] > 200 and disc[2] < 60  # red first


@pytest.mark.parametrize(
    ("photos", "chosen"), [(1, [0]), (5, [0, 1, 2, 3, 4]), (16, list(range(16))), (32, list(range(0, 32, 2)))]
)
def test_up_to_sixteen_photos_are_spread_over_the_data(photos: int, chosen: list[int], tmp_path: Path) -> None:
    engine = Says(NOTHING)
    sheet = drawn(engine, tmp_path, photos)
    read = [pixels_of((tmp_path / f"shapes/images/{i}.png").read_bytes()) for i in chosen]
    assert len(engine.seen) == len(read) and all(map(np.array_equal, engine.seen, read))
    rows = -(-len(chosen) // COLUMNS)
    assert sheet.shape[0] == rows * (CELL[0] + CAPTION + MARGIN) + MARGIN
