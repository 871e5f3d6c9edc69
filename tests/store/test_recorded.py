"""Recorded answers in the store: the run of a model, answers that replace others, and the oldest that go."""

import json

import pytest

from container.store import annotations, datasets, items, models, recorded, runs
from container.store.annotations import TRUTH, Owner
from container.store.recorded import Answer, Served, item_row
from container.store.runs import Run
from container.store.store import Store
from tests.store.conftest import row

NET = Served("net", "0123456789abcdef")


def answer(name: str, *boxes: str) -> Answer:
    return Answer(item_row(name, f"request of {name}", (30, 40), 1000.0), [row(name, one) for one in boxes])


@pytest.fixture
def run(store: Store) -> Run:
    """The run of a model, with two objects on each of four pictures."""
    with store.write() as c:
        made = recorded.find_run(c, "production", NET)
        assert recorded.write(c, made, [answer(name, "1", "2") for name in "abcd"]) == 8
    return made


def there(store: Store, run: Run) -> dict[str, list[str]]:
    """The keys of predictions by items."""
    assert run.dataset_key is not None
    with store.read() as c:
        return {
            item.reference_id: [json.loads(one.payload)["annotation_id"] for one in found]
            for item in items.page(c, run.dataset_key, 0, 100)
            for found in [annotations.of_item(c, Owner(run.key), item.key)]
        }


def test_a_run_is_made_once_for_each_model_and_its_weights(store: Store, run: Run) -> None:
    with store.write() as c:
        assert recorded.find_run(c, "production", NET).id == run.id
        other = recorded.find_run(c, "production", Served("net", "fedc"))
        assert (run.name, other.name) == ("net 0123456789ab", "net fedc")
        assert other.model_id == run.model_id and models.find(c, run.model_id).reference_id == "served:net"
        assert recorded.find_run(c, "elsewhere", NET).dataset_id != run.dataset_id
        assert json.loads(run.metadata or "") == {"recorded": True, "model": "net", "weights": NET.weights}


def test_answers_replace_those_to_the_same_picture(store: Store, run: Run) -> None:
    with store.write() as c:
        before = runs.find(c, run.id).revision
        assert recorded.write(c, run, [answer("a", "3"), answer("b"), answer("e", "1"), answer("e", "2", "3")]) == 3
        assert runs.find(c, run.id).revision > before
    assert there(store, run) == {"a": ["3"], "b": [], "c": ["1", "2"], "d": ["1", "2"], "e": ["2", "3"]}


def test_items_of_clients_stay_as_they_are(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        run = recorded.find_run(c, "streets", NET)
        recorded.write(c, run, [answer("a", "1"), answer("new", "1")])
        one, new = (json.loads(items.by_reference(c, dataset.key, name).payload) for name in ("a", "new"))
    assert one["image_url"] == "s3://b/k" and not recorded.made_here(one)
    assert new["metadata"]["request_id"] == "request of new" and recorded.made_here(new)
    assert (new["height"], new["width"]) == (30, 40)


@pytest.mark.parametrize(("number", "erased", "left"), [(1, 2, "bcd"), (2, 2, "bcd"), (3, 4, "cd"), (100, 6, "d")])
def test_the_oldest_items_go_first(
    store: Store, run: Run, number: int, erased: int, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole items, and no more than five predictions and the rest of an item at once."""
    monkeypatch.setattr(recorded, "ERASED", 5)
    with store.write() as c:
        assert run.dataset_key is not None
        assert recorded.erase_oldest(c, run.dataset_key, [run.key], number) == erased
        assert recorded.count(c, [run.key]) == 8 - erased
    assert there(store, run) == {name: ["1", "2"] for name in left}


def test_what_others_need_stays(store: Store, run: Run) -> None:
    """The item of a run that was uploaded, one with truth, and the predictions of that run."""
    with store.write() as c:
        assert run.dataset_key is not None
        other = runs.find(c, runs.create(c, run.model_key, run.dataset_key, "uploaded", "[1]"))
        annotations.add(c, Owner(other.key), run.dataset_key, [row("a", "p")], replace=False)
        annotations.add(c, TRUTH, run.dataset_key, [row("b", "t")], replace=False)
        assert recorded.run_keys(c, run.dataset_key) == [run.key]
        assert recorded.erase_oldest(c, run.dataset_key, [run.key], 6) == 6
        assert recorded.count(c, [other.key]) == 1
        assert recorded.erase_oldest(c, run.dataset_key, [], 6) == 0
    assert there(store, run) == {"a": [], "b": [], "d": ["1", "2"]}


def test_a_histogram_counts_boxes_where_there_are_some(store: Store, run: Run) -> None:
    with store.write() as c:
        assert recorded.histogram(c, run.key, (0.25, 0.5)) == {("car", 2): 8}
        assert recorded.histogram(c, run.key, (0.51,)) == {("car", 0): 8}
        outline = row("a", "o", "bus", "polygon")
        annotations.add(c, Owner(run.key), run.dataset_key, [outline], replace=False)
        assert recorded.histogram(c, run.key, ()) == {("car", 0): 8}
        other = recorded.find_run(c, "production", Served("other", ""))
        annotations.add(c, Owner(other.key), run.dataset_key, [outline], replace=False)
        assert recorded.histogram(c, other.key, ()) == {("bus", 0): 1}
