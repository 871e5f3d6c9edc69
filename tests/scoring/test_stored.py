"""A run out of the store as a report: the figures of a folder with the same photos, and what is drawn."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from container.errors import DataError
from container.evaluation.charts import metrics
from container.evaluation.detection import detection_report
from container.evaluation.photos import samples
from container.evaluation.report import Subject
from container.scoring.config import Config
from container.scoring.overlays import worst
from container.scoring.stored import Stored, chosen, find_run, last_config, read, report
from container.store import annotations, blobs, evaluations, runs
from container.store.annotations import TRUTH as TRUTH_OWNER
from container.store.annotations import Owner
from container.store.datasets import Dataset
from container.store.evaluations import Selection
from container.store.runs import Run
from container.store.store import Store
from tests.evaluation.scenes import SIZE, seen, there
from tests.rendering.scenes import photo
from tests.roomy import roomy
from tests.scoring import farms

A, B, FAR = (0.0, 0.0, 100.0, 100.0), (150.0, 50.0, 100.0, 100.0), (200.0, 0.0, 90.0, 40.0)
NEAR = (0.0, 0.0, 100.0, 72.0)
TRUTH = {"one": [("cat", A), ("dog", B)], "two": [("cat", B)], "three": []}
FOUND = {
    "one": [("cat", NEAR, 0.9), ("dog", FAR, 0.8), ("cow", FAR, 0.7)],
    "two": [("cat", B, 0.6), ("cat", A, 0.2)],
    "three": [("dog", A, 0.95)],
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    roomy(monkeypatch)
    opened = Store.open(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def farm(store: Store) -> tuple[Dataset, Run]:
    dataset = farms.make(store, "farm", TRUTH, size=SIZE)
    return dataset, farms.predict(store, dataset, "net", FOUND)


def read_run(store: Store, dataset: Dataset, run: Run, config: Config | None = None, **more: object) -> Stored:
    with store.read() as c:
        return read(store, c, dataset, run, config or Config(), **more)  # type: ignore[arg-type]


def test_the_figures_are_those_of_a_folder_with_the_same_photos(store: Store, farm: tuple[Dataset, Run]) -> None:
    found = report(read_run(store, *farm))
    number = {"cat": 0, "dog": 1, "cow": 2}

    def corners(box: tuple[float, ...]) -> tuple[float, float, float, float]:
        return box[0], box[1], box[0] + box[2], box[1] + box[3]

    truth = [there(*((number[label], corners(box)) for label, box in one), masks=False) for one in TRUTH.values()]
    seen_of = [
        seen(*((s, number[label], corners(box)) for label, box, s in one), masks=False) for one in FOUND.values()
    ]
    subject = Subject("", "", 3, {"cat": 2, "dog": 1}, (), ())
    boxes = np.concatenate([one.boxes for one in truth])
    kinds = samples(truth, seen_of, [*number])
    folder = detection_report(subject, kinds, boxes, np.full(3, SIZE[0] * SIZE[1]))
    assert (found.box, found.confidence, found.mask) == (folder.box, folder.confidence, None)
    assert [one.words for one in found.faults] == ["1 missed, 2 wrong", "0 missed, 0 wrong", "0 missed, 1 wrong"]
    for one, other in zip(found.faults, folder.faults, strict=True):
        assert one.weight == other.weight and one.missed.tolist() == other.missed.tolist()
    assert found.subject.objects == {"cat": 2, "dog": 1} and found.subject.absent == ("cow",)
    assert "seconds_per_photo" not in found.as_dict() and f"({farm[1].id}) on 3 photos of farm" in found.table()


def test_pycocotools_and_arrays_agree(store: Store, farm: tuple[Dataset, Run]) -> None:
    stored = read_run(store, *farm)
    ours, scores = metrics(stored.sample), report(stored).box
    assert scores is not None and ours["stats"]["AP"] == pytest.approx(scores.ap, abs=1e-15)
    assert [one["ap"] for one in ours["per_class"] if one["objects"]] == pytest.approx(scores.class_ap[:2], abs=1e-15)
    assert stored.revisions == {farm[0].id: farm[0].revision, farm[1].id: farm[1].revision}


def test_masks_are_polygons(store: Store) -> None:
    square, half = (10, 10, 60, 10, 60, 60, 10, 60), (10, 10, 60, 10, 60, 35, 10, 35)
    dataset = farms.make(store, "farm", {"a": [("cat", square)]}, size=None)
    run = farms.predict(store, dataset, "net", {"a": [("cat", half, 0.9)]})
    stored = read_run(store, dataset, run)
    assert stored.iou_type == "segm" and stored.boxes.tolist() == [[10, 10, 60, 60]]
    assert stored.sizes.tolist() == [[60, 60]]  # nobody said how large it is
    found = report(stored)
    assert found.box is None and found.mask is not None
    assert (found.mask.ap50, found.mask.ap75) == pytest.approx((1, 0))
    with pytest.raises(DataError, match="farm has no boxes as ground truth"):
        read_run(store, dataset, run, iou_type="bbox")


def test_segments_are_masks_of_their_pixels(store: Store) -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[10:50, 5:45], pixels[0:10, 60:80] = 1, 2
    dataset = farms.make(store, "farm", {"a": []}, size=(60, 80))
    farms.segment(store, TRUTH_OWNER, dataset, "a", pixels[..., 0], {1: "cat", 2: "dog"})
    pixels[10:20, 5:45] = 0  # three quarters of the cat are found
    run = farms.predict(store, dataset, "net", {})
    farms.segment(store, Owner(run.key), dataset, "a", pixels[..., 0], {1: "cat", 3: "dog"}, confidence=0.9)
    stored = read_run(store, dataset, run)
    assert stored.iou_type == "segm" and stored.sample.truth.area.tolist() == [1600, 200]
    assert stored.boxes.tolist() == [[5, 10, 45, 50], [60, 0, 80, 10]] and stored.sizes.tolist() == [[60, 80]]
    found = report(stored)
    assert found.mask is not None and found.mask.class_ap50 == pytest.approx((1, 0))
    with store.read() as c:
        sheet = worst(store, c, stored, found)
    assert (sheet == (230, 0, 0)).all(axis=2).any()  # the dog is missed


def test_predictions_without_confidence_are_told(store: Store) -> None:
    dataset = farms.make(store, "farm", TRUTH)
    run = farms.predict(store, dataset, "net", {"one": [("cat", A), ("dog", B, 0.9)]})
    stored = read_run(store, dataset, run)
    assert stored.errors == ("predictions without a confidence, which average precision leaves out: 1",)
    found = report(stored)
    assert found.box is not None and found.box.class_ap == pytest.approx((0, 1))
    with store.read() as c:
        assert worst(store, c, stored, found).shape[1] == 3 * 406 + 6


def test_the_rules_of_the_last_commit_count(store: Store, farm: tuple[Dataset, Run]) -> None:
    dataset, run = farm
    rules = Config(class_agnostic=False, allowed=(("dog", "cow"),))
    with store.write() as c:
        assert last_config(c, run) == Config()
        selection = Selection((dataset.key,), (run.key,))
        more = {"model_key": run.model_key, "run_key": run.key, "selection": selection, "config": rules.as_dict()}
        one = evaluations.create(c, purpose=evaluations.COMMIT, **more)  # type: ignore[arg-type]
        evaluations.set_status(c, one, evaluations.SUCCEEDED)
        assert last_config(c, run) == rules
    assert "cow" not in report(read_run(store, dataset, run, rules)).subject.absent


def test_runs_and_datasets_are_found_by_any_name(store: Store, farm: tuple[Dataset, Run]) -> None:
    dataset, run = farm
    with store.read() as c:
        for names in ((dataset.id, run.id), ("farm", "net"), ("farm", run.model_id)):
            assert [one.id for one in chosen(c, *names)] == [dataset.id, run.id]
        for names, words in (
            (("barn", "net"), r"no dataset barn; it has farm \(ds_"),
            (("farm", "no"), f"farm has no run no; it has {run.id}"),
        ):
            with pytest.raises(DataError, match=words):
                chosen(c, *names)
    farms.make(store, "farm", {})
    farms.predict(store, dataset, "net", FOUND)
    with store.read() as c:
        with pytest.raises(DataError, match="2 datasets are called farm; name one by its id: ds_"):
            chosen(c, "farm", "net")
        with pytest.raises(DataError, match="net has 2 runs on farm; name one by its id: run_"):
            find_run(c, dataset, "net")


def test_the_worst_items_are_drawn_on_their_pictures(store: Store) -> None:
    picture = photo(*SIZE)
    dataset = farms.make(store, "farm", TRUTH, pictures={"one": picture}, size=(30_000, 40_000))
    run = farms.predict(store, dataset, "net", FOUND)
    stored = read_run(store, dataset, run)
    with store.read() as c:
        sheet = worst(store, c, stored, report(stored))
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 3 * (400 + 6) + 6
    red, grey = (sheet == (230, 0, 0)).all(axis=2), (sheet == 236).all(axis=2)
    assert red[:, :400].any() and not red[:, 412:].any()  # one misses a dog, and has a picture
    assert grey[:, 412:].mean() > 0.5 > 10 * grey[:, :400].mean()


def test_what_is_far_away_or_no_picture_is_drawn_all_the_same(store: Store) -> None:
    far = (1e9, 1e9, 1e12, 1e12)
    dataset = farms.make(store, "farm", {"a": [("cat", far), ("cat", (0, 0, 0, 0))]}, size=None)
    run = farms.predict(store, dataset, "net", {"a": [("cat", far, 0.9), ("cat", (0, 0, 9e9, 1), 0.8)]})
    with store.write() as c:
        path = store.folder / "part"
        path.write_bytes(b"no picture")
        store.blobs.keep({"a" * 64: path})
        store.blobs.add(c, [blobs.Blob("a" * 64, 10, "image/png")])
        c.exec_driver_sql(f"UPDATE item SET blob = '{'a' * 64}'")
    stored = read_run(store, dataset, run)
    with store.read() as c:
        assert worst(store, c, stored, report(stored)).shape[1] == 412


def test_a_run_without_predictions_misses_all(store: Store, farm: tuple[Dataset, Run]) -> None:
    dataset, run = farm
    with store.write() as c:
        annotations.erase(c, Owner(run.key), dataset.key, None, 100)
    found = report(read_run(store, dataset, run))
    assert found.box is not None and (found.box.ap, found.confidence) == (0, None)
    with store.write() as c:
        runs.remove(c, run.key)
    with store.read() as c, pytest.raises(DataError, match="farm has no run net; it has none"):
        chosen(c, "farm", "net")
