"""What becomes of annotations: new, known, twice in one request, of unknown items; and reading them back."""

import itertools
import json
from collections import OrderedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.errors import NotFound
from container.store import annotations, datasets, items, models, runs
from container.store.annotations import TRUTH, Owner
from container.store.objects import Row
from container.store.store import Store
from tests.store.conftest import item_row, row


def of(store: Store, owner: Owner, dataset: datasets.Dataset, reference_id: str) -> list[str]:
    with store.read() as c:
        item = items.by_reference(c, dataset.key, reference_id)
        return [json.loads(one.payload)["label"] for one in annotations.of_item(c, owner, item.key)]


def add(store: Store, owner: Owner, dataset: datasets.Dataset, rows: list[Row], replace: bool = False) -> object:
    with store.write() as c:
        counts = annotations.add(c, owner, dataset.key, rows, replace)
    return counts.processed, counts.ignored, counts.errors


@pytest.mark.parametrize(
    ("first", "second", "replace", "counts", "labels"),
    [
        ([], [("a", "1", "x")], False, (1, 0, []), ["x"]),
        ([("a", "1", "x")], [("a", "1", "y")], False, (0, 1, []), ["x"]),
        ([("a", "1", "x")], [("a", "1", "y")], True, (1, 0, []), ["y"]),
        ([], [("a", "1", "x"), ("a", "1", "y")], False, (1, 1, []), ["x"]),
        ([], [("a", "1", "x"), ("a", "1", "y")], True, (2, 0, []), ["y"]),
        ([], [("a", "1", "x"), ("b", "1", "y")], False, (2, 0, []), ["x"]),  # ids are unique in an item
        ([], [("z", "1", "x"), ("a", "2", "y")], False, (1, 0, ["Item with id z doesn't exist."]), ["y"]),
    ],
)
@pytest.mark.parametrize("truth", [True, False])
def test_counts_and_what_is_kept(
    first: list[tuple[str, str, str]],
    second: list[tuple[str, str, str]],
    replace: bool,
    counts: object,
    labels: list[str],
    truth: bool,
    store: Store,
    dataset: datasets.Dataset,
) -> None:
    owner = TRUTH if truth else _owner(store, dataset)
    add(store, owner, dataset, [row(*one) for one in first])
    assert add(store, owner, dataset, [row(*one) for one in second], replace) == counts
    assert of(store, owner, dataset, "a") == labels


def _owner(store: Store, dataset: datasets.Dataset) -> Owner:
    with store.write() as c:
        model = models.find(c, models.create(c, "m", "m-1"))
        return Owner(runs.find(c, runs.create(c, model.key, dataset.key, "run")).key)


names = st.sampled_from("ab")
requests = st.lists(
    st.tuples(st.lists(st.tuples(names, st.sampled_from("123"), st.sampled_from("xyz")), max_size=6), st.booleans()),
    max_size=4,
)


# Each example has a dataset of its own in the store.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests)
def test_any_requests_leave_what_a_dictionary_would(
    store: Store, sent: list[tuple[list[tuple[str, str, str]], bool]]
) -> None:
    with store.write() as c:
        one = datasets.find(c, datasets.create(c, "streets"))
        items.add(c, one.key, [item_row(name) for name in "ab"], replace=False)
    expected: OrderedDict[tuple[str, str], str] = OrderedDict()
    for rows, replace in sent:
        processed = 0
        for item, name, label in rows:
            if replace or (item, name) not in expected:
                expected[item, name] = label
                processed += 1
        counts = add(store, TRUTH, one, [row(*each) for each in rows], replace)
        assert counts == (processed, len(rows) - processed, [])
    for item in "ab":
        assert of(store, TRUTH, one, item) == [label for (where, _), label in expected.items() if where == item]


def test_a_segmentation_is_found_by_its_id_and_no_other(store: Store, dataset: datasets.Dataset) -> None:
    add(store, TRUTH, dataset, [row("a", "mask-1", kind="segmentation", key="s"), row("a", "s")])
    with store.read() as c:
        item = items.by_reference(c, dataset.key, "a")
        assert annotations.find(c, TRUTH, item.key, "mask-1").kind == "segmentation"
        assert annotations.find(c, TRUTH, item.key, "s").kind == "box"
        with pytest.raises(NotFound, match="'mask-2' doesn't exist"):
            annotations.find(c, TRUTH, item.key, "mask-2")


def test_a_run_of_several_datasets_takes_items_by_id_and_by_dataset(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        other = datasets.find(c, datasets.create(c, "other"))
        items.add(c, other.key, [item_row("a")], replace=False)
        there = items.by_reference(c, other.key, "a")
        model = models.find(c, models.create(c, "m", "m-1"))
        run = runs.find(c, runs.create(c, model.key, None, "run"))
        owner = Owner(run.key)
        by_id = Row(None, there.id, None, "box", "a:1", "x", None, '{"label": "by id"}')
        by_dataset = Row("a", None, dataset.id, "box", "a:1", "x", None, '{"label": "by dataset"}')
        nowhere = Row("a", None, None, "box", "a:2", "x", None, "{}")
        unknown = Row(None, "di_none", None, "box", "a:2", "x", None, "{}")
        counts = annotations.add(c, owner, None, [by_id, by_dataset, nowhere, unknown], replace=False)
        assert (counts.processed, len(counts.errors)) == (2, 2)
        assert sorted(runs.datasets(c, run.key)) == sorted([dataset.key, other.key])
        wrong = annotations.add(c, owner, dataset.key, [by_id], replace=False)
        assert wrong.errors == [f"Item with id {there.id} doesn't exist."]  # of another dataset
    assert of(store, owner, dataset, "a") == ["by dataset"] and of(store, owner, other, "a") == ["by id"]


def test_pages_have_each_prediction_once(store: Store, dataset: datasets.Dataset) -> None:
    owner = _owner(store, dataset)
    sent = [row(item, str(i)) for i, item in enumerate("abcabcaab")]
    add(store, owner, dataset, [*sent, row("a", "line", kind="line")])
    found, after = [], (0, "")
    assert owner.run is not None
    with store.read() as c:
        while page := annotations.page(c, owner.run, "box", after, 2):
            found += [json.loads(one.payload)["annotation_id"] for one, _ in page]
            after = page[-1][1]
        assert annotations.kinds(c, owner.run) == {"box": 9, "line": 1}
    assert sorted(found) == [str(i) for i in range(9)]


def test_items_keep_their_numbers_and_are_replaced_wholly(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        again = [item_row("b"), item_row("d"), item_row("d")]
        assert items.add(c, dataset.key, again, replace=False) == (1, 0, 2)
        assert items.add(c, dataset.key, again, replace=True) == (0, 3, 0)
        numbers = [items.at(c, dataset.key, i).reference_id for i in range(4)]
        items.merge_metadata(c, dataset.key, "b", {"sun": 1.0})
        assert '"metadata": {"sun": 1.0}' in items.by_reference(c, dataset.key, "b").payload
        for wrong in (4, -1, 2**70):
            with pytest.raises(NotFound, match="Item number"):
                items.at(c, dataset.key, wrong)
    assert numbers == ["a", "b", "c", "d"]


def test_what_is_deleted_is_found_by_nobody_and_erased_in_parts(
    store: Store, dataset: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "ERASED", 2)
    monkeypatch.setattr(runs, "ERASED", 2)
    owner = _owner(store, dataset)
    add(store, owner, dataset, [row("a", str(i)) for i in range(5)])
    add(store, TRUTH, dataset, [row("b", str(i)) for i in range(5)])
    assert owner.run is not None
    with store.write() as c:
        run = runs.of_dataset(c, dataset.key)[0]
        datasets.remove(c, dataset)
        for find in (lambda: datasets.find(c, dataset.id), lambda: runs.find(c, run.id)):
            with pytest.raises(NotFound):
                find()
        steps = sum(1 for _ in itertools.takewhile(lambda _: runs.erase(c, owner.run or 0), itertools.count()))
        while datasets.erase(c, dataset.key):
            steps += 1
        for table in (annotations.annotation, annotations.prediction, annotations.item, annotations.dataset):
            assert c.execute(table.select()).first() is None
    assert steps >= 6


def test_a_deletion_that_is_repeated_leaves_what_has_the_key_now(store: Store, dataset: datasets.Dataset) -> None:
    """SQLite gives the key of the last row again."""
    owner = _owner(store, dataset)
    add(store, owner, dataset, [row("a", "1")])
    with store.write() as c:
        assert not datasets.erase(c, dataset.key) and not runs.erase(c, owner.run or 0)
        assert len(items.page(c, dataset.key, 0, 10)) == 3
        assert annotations.kinds(c, owner.run or 0) == {"box": 1}


def test_predictions_of_its_runs_on_other_datasets_are_erased_in_parts(
    store: Store, dataset: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "ERASED", 2)
    with store.write() as c:
        own = datasets.find(c, datasets.create(c, "own"))
        model = models.find(c, models.create(c, "net", "net"))
        run = runs.find(c, runs.create(c, model.key, own.key, "run"))
        annotations.add(c, annotations.Owner(run.key), dataset.key, [row("a", str(i)) for i in range(5)], replace=False)
        datasets.remove(c, own)
        left = []
        while datasets.erase(c, own.key):
            left.append(len(c.execute(annotations.prediction.select()).all()))
    assert left[:3] == [3, 1, 0]


def test_predictions_of_a_model_alone_have_a_run_that_is_not_listed(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        model = models.find(c, models.create(c, "net", "net"))
        one = runs.implicit(c, model.key, None, "net")
        assert runs.implicit(c, model.key, None, "net") == one == runs.find_implicit(c, model.key, None)
        annotations.add(c, annotations.Owner(one.key), None, [row("a", "1")], replace=False)
        assert runs.of_dataset(c, dataset.key) == runs.of_model(c, model.key) == []
        other = datasets.find(c, datasets.create(c, "other"))
        items.add(c, other.key, [item_row("a")], replace=False)
        told = annotations.add(c, annotations.Owner(one.key), None, [row("a", "2")], replace=False)
        assert told.errors == ["Item with id a is in 2 datasets; name one by dataset_id."]
        datasets.remove(c, other)
        assert annotations.add(c, annotations.Owner(one.key), None, [row("a", "2")], replace=False).processed == 1


def test_a_prediction_that_names_its_item_by_id_gets_its_reference(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        item = items.at(c, dataset.key, 0)
        sent = '{"item_id": "x", "reference_id": null, "confidence": 1.0}'
        by_id = Row(None, item.id, None, "box", "a:1", "x", None, sent)
        annotations.add(c, annotations.TRUTH, dataset.key, [by_id], replace=False)
        (found,) = annotations.of_item(c, annotations.TRUTH, item.key)
        assert found.payload == sent.replace("null", '"a"')


def test_a_deleted_run_takes_no_more_predictions(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        model = models.find(c, models.create(c, "net", "net"))
        first = runs.implicit(c, model.key, dataset.key, "net")
        runs.remove(c, first.key)
        with pytest.raises(NotFound):
            runs.find_implicit(c, model.key, dataset.key)
        assert runs.implicit(c, model.key, dataset.key, "net").key != first.key
