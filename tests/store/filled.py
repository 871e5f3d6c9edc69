"""A store with something in every table, and what can be read of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select

from container.cli import main
from container.scoring.config import Config
from container.scoring.reading import compare
from container.store import benchmarks, datasets, evaluations, jobs, models, presets, tags, uploads
from container.store.annotations import TRUTH, Owner
from container.store.database import Connection
from container.store.datasets import Taxonomy
from container.store.evaluations import COMMIT, Selection
from container.store.store import Store
from container.store.tables import benchmark_item, item, job, meta, metadata
from tests.roomy import roomy
from tests.scoring import farms

BOX, OTHER = (1.0, 2.5, 30.0, 40.0), (50.0, 2.0, 33.3, 40.0)
TRIANGLE = (1.0, 1.0, 20.0, 1.0, 20.0, 30.0)
TRUTH_OF = {"a": [("cat", BOX), ("dög", OTHER)], "b/1": [("cat", TRIANGLE)], "c": []}
FOUND_IN = {"a": [("cat", OTHER, 0.1), ("cat", BOX, 0.30000000000000004)], "b/1": [("cat", TRIANGLE, 1)]}
MASK = np.repeat(np.arange(3, dtype=np.uint8), 40).reshape(10, 12)


@contextmanager
def filled(folder: Path) -> Iterator[Store]:
    """A store with something in every table, which stays open, whatever the disk has left."""
    with pytest.MonkeyPatch.context() as patch:
        roomy(patch)
        opened = Store.open(folder)
        fill(opened)
        yield opened
        opened.close()


def store_command(*arguments: str) -> Result:
    """What `python -m container store` says."""
    return CliRunner().invoke(main, ["store", *arguments])


def fill(store: Store) -> None:
    """Put rows into all tables of an empty store, with gaps among the keys, and a job that waits for its upload."""
    spare = farms.make(store, "spare", {"x": [("cat", BOX)]})
    dataset = farms.make(store, "farm", TRUTH_OF, {"c": MASK}, (60, 90))
    run = farms.predict(store, dataset, "net", FOUND_IN)
    farms.segment(store, TRUTH, dataset, "c", MASK + 1, {1: "barn", 2: "sky"})
    farms.segment(store, Owner(run.key), dataset, "c", MASK, {1: "barn", 2: "sky"}, 0.75)
    waiting, _ = store.uploads.receive([b"{}\n"])
    taken, _ = store.uploads.receive([b"{}\n{}\n"])
    with store.write() as c:
        datasets.add_taxonomy(c, dataset, Taxonomy("kind", "category", ["tame", "wild"]), update_labels=False)
        tags.OF_DATASETS.add(c, dataset.key, ["night"])
        tags.OF_MODELS.add(c, models.find(c, run.model_id).key, ["best"])
        uploads.add(c, dataset.key, "1f", waiting, 3)
        jobs.create(c, "uploadAnnotations", dataset.key, {"file": taken, "size": 6}, "key")
        jobs.create_done(c, "uploadPredictions", dataset.key, {}, ["Item with id z doesn't exist."])
        presets.create(c, "strict", {"rollup_groups": []})
        first = benchmarks.create(c, "first", "draft")
        second = benchmarks.create(c, "second", "final", (1, 1), parent=first.key)
        keys = c.execute(select(item.c.id).filter_by(dataset_id=dataset.key)).scalars()
        c.execute(insert(benchmark_item), [{"benchmark_id": second.key, "item_id": key} for key in keys])
        c.execute(benchmarks.benchmark.delete().filter_by(id=benchmarks.create(c, "gone", "draft").key))
        datasets.remove(c, spare)
    _commit(store, dataset.key, run.key)


def _commit(store: Store, dataset: int, run: int) -> None:
    with store.write() as c:
        selection, config = Selection((dataset,), (run,)), Config()
        one = evaluations.create(
            c, purpose=COMMIT, model_key=1, run_key=run, selection=selection, config=config.as_dict()
        )
        for number, part in enumerate(compare(store, c, selection, config, matches=True)):
            evaluations.add_part(c, one.key, number, evaluations.Part(part.arrays, part.matches))
        evaluations.set_status(c, one, evaluations.SUCCEEDED)
        c.execute(job.update().filter_by(public_id=one.job_id).values(status=jobs.COMPLETED))


def rows(connection: Connection) -> dict[str, list[Any]]:
    """All rows of all tables but the signing key's, in order."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in metadata.sorted_tables
        if table is not meta
    }


def files(store: Store) -> dict[str, bytes]:
    """The blobs and the uploads by their names."""
    there = [*blob_files(store), *store.uploads.folder.iterdir()]
    return {path.name: path.read_bytes() for path in there}


def blob_files(store: Store) -> list[Path]:
    """The files of the blobs of a store in a folder."""
    return sorted(path for path in (store.folder / "blobs").rglob("*") if path.is_file())


def figures(connection: Connection, store: Store) -> str:
    """What `evaluate` says of the run, with its commit's matches."""
    from container.scoring import stored

    dataset, run = stored.chosen(connection, "farm", "net")
    read = stored.read(store, connection, dataset, run, stored.last_config(connection, run))
    commit = evaluations.last_commit(connection, run.key)
    assert commit is not None
    matches = evaluations.matches(connection, commit.key, dataset.key, 0, 100)
    return json.dumps([stored.report(read).as_dict(), read.revisions, matches], default=str)
