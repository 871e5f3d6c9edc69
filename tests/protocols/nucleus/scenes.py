"""Something to evaluate: two items, a model, a run and a benchmark."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from container.store.store import Store
from tests.protocols.nucleus.conftest import Api, application, box, item
from tests.roomy import roomy

UNFINISHED = ("pending", "computing")


class Scene(NamedTuple):
    """A dataset of two items with a car each; of the second one, at night, predictions say "van"."""

    api: Api
    store: Store
    dataset: str
    model: str  # which has predicted both without a run
    run: str  # which has predicted both
    empty: str  # a run on no dataset yet
    benchmark: str  # of both items


def placed(reference_id: str, name: str, label: str = "car", **more: object) -> dict[str, Any]:
    geometry = {"x": 0, "y": 0, "width": 40, "height": 40}
    return box(reference_id, name, label=label, geometry=geometry, metadata={}, **more)


@contextmanager
def opened(folder: Path, address: str = "") -> Iterator[Scene]:
    """The scene in a store of its own."""
    with pytest.MonkeyPatch.context() as patch:
        roomy(patch)
        store = Store.open(folder, address)
        with application(store) as api:
            dataset = api.post("dataset/create", name="streets")["dataset_id"]
            api.post(f"dataset/{dataset}/append", items=[item("1"), item("2", metadata={"night": True})])
            api.post(f"dataset/{dataset}/annotate", annotations=[placed("1", "t1"), placed("2", "t2")], update=False)
            model = api.post("models/add", name="net", reference_id="net-1", metadata={})["model_id"]
            run = api.post(f"dataset/{dataset}/modelRun/create", name="first", reference_id="net-1")["model_run_id"]
            predictions = [placed("1", "p1", confidence=0.9), placed("2", "p2", "van", confidence=0.8)]
            api.post(f"modelRun/{run}/predict", annotations=predictions, update=False)
            api.post(f"model/{model}/predictions", annotations=predictions[:1], update=False)
            empty = api.post(f"model/{model}/modelRun/create", name="empty")["model_run_id"]
            benchmark = api.post("benchmarks", name="b", dataset_id=dataset)["benchmark_id"]
            yield Scene(api, store, dataset, model, run, empty, benchmark)


def made(scene: Scene, route: str, **document: object) -> Any:
    """An evaluation that has succeeded."""
    route = f"evaluationsV2/{scene.api.post(route, **document)['evaluation_id']}"
    end = time.monotonic() + 30
    while (one := scene.api.get(route))["status"] in UNFINISHED:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert one["status"] == "succeeded", one
    return one
