"""COCO's files into the store and out of it: values are equal after the way there and back."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.scoring import stored
from container.scoring.config import Config
from container.scoring.masks import read_mask
from container.store import annotations, datasets, items
from container.store.annotations import TRUTH, Owner
from container.store.derived import Derived
from container.store.objects import ItemRow, Row, read_object
from container.store.store import Store
from tests.exchange.coco_files import DATASET, MASKS, RESULTS, changed, plain, written
from tests.scoring import farms
from tests.store.filled import filled as filled_store
from tests.store.filled import store_command

SCORES = [0.9, 0.8, 0.7, 0.6, 0.55, 0.5]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that tests add datasets to."""
    with filled_store(tmp_path_factory.mktemp("coco") / "store") as opened:
        yield opened


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command in an empty folder, with the store of the setting."""
    monkeypatch.setenv("MASKSERVE_STORE", str(store.folder))
    monkeypatch.chdir(tmp_path)
    return store_command


def taken(done: Result) -> Result:
    """A command that has succeeded."""
    assert done.exit_code == 0, done.output
    return done


def read(path: str) -> Any:
    return json.loads(Path(path).read_text())


def sent(store: Store, dataset: str, model: str) -> dict[str, list[Any]]:
    """What was sent of a dataset's items, of their truth and of a run; and the pixels of masks."""
    found: dict[str, list[Any]] = {"items": [], "truth": [], "run": [], "masks": []}
    with store.read() as c:
        chosen, run = stored.chosen(c, dataset, model)
        for item in items.page(c, chosen.key, 0, 1000):
            found["items"].append(json.loads(item.payload))
            for side, owner in (("truth", TRUTH), ("run", Owner(run.key))):
                rows = annotations.of_item(c, owner, item.key)
                found[side] += sorted((json.loads(row.payload) for row in rows), key=_sorted)
                for row in rows:
                    if row.blob:
                        indices = [one["index"] for one in json.loads(row.payload)["annotations"]]
                        with store.blobs.open(row.blob) as file:
                            pixels = read_mask(file).astype(int)
                        found["masks"].append(np.where(np.isin(pixels, indices), pixels, -1).tolist())
    return found


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_a_dataset_of_coco_comes_back_as_it_was(run) -> None:
    done = taken(run("import", "--coco", written(DATASET, "in.json"), "--dataset", "coco"))
    assert done.stdout.startswith("images: 3 new, 0 there before\ntruth: 7 objects new, 0 there before\n")
    assert "masks that lie on another one, of which the box is kept, and the mask in its metadata: 1\n" in done.stdout
    assert "dataset ds_" in done.stdout
    done = taken(run("export", "--coco", "out.json", "--dataset", "coco"))
    assert done.stderr == "boxes alone: 1\nboxes with an outline: 4\n"
    out = read("out.json")
    assert [one["id"] for one in out["annotations"]] == [one["id"] for one in DATASET["annotations"]]
    assert plain(out["annotations"]) == plain(DATASET["annotations"])
    assert out | {"annotations": []} == DATASET | {"annotations": []}
    again = taken(run("import", "--coco", "out.json", "--dataset", "coco"))
    assert again.stdout.startswith("images: 0 new, 3 there before\ntruth: 0 objects new, 7 there before\n")
    taken(run("import", "--coco", "out.json", "--dataset", "coco 2"))
    taken(run("export", "--coco", "out 2.json", "--dataset", "coco 2"))
    assert Path("out.json").read_text() == Path("out 2.json").read_text()


@pytest.mark.parametrize(("results", "kind"), [(RESULTS, "box"), (MASKS, "mask")])
def test_results_come_back_as_they_were(results: list[dict[str, Any]], kind: str, run) -> None:
    files = ("--coco", written(DATASET, "in.json"), "--results", written(results, "found.json"))
    done = taken(run("import", *files, "--dataset", f"of {kind}", "--model", f"net {kind}"))
    run_id = done.stdout.split()[-1]
    files = ("--coco", "truth.json", "--results", "out.json")
    taken(run("export", *files, "--dataset", f"of {kind}", "--run", run_id, "--kind", kind))
    assert plain(read("out.json")) == plain(results)
    with contextlib.redirect_stdout(io.StringIO()):
        assert len(COCO("truth.json").loadRes("out.json").anns) == len(results)


BOX = {"type": "box", "label": "cat", "reference_id": "x", "geometry": {"x": 1, "y": 2.5, "width": 3, "height": 4}}
VERTICES = [{"x": 1, "y": 1}, {"x": 9.5, "y": 1}, {"x": 9, "y": 8, "z": 1}]
RICH = {"metadata": {"coco": "no", "n": [1, {"é": None}]}, "embedding_vector": [0.1, 2], "track_reference_id": "t"}
OBJECTS = [
    {**BOX, "annotation_id": 7, **RICH},
    {**BOX, "annotation_id": "crowd", "metadata": {"iscrowd": True}},
    {**BOX, "annotation_id": "p", "type": "polygon", "geometry": {"vertices": VERTICES}},
]
ITEMS = [
    {"reference_id": "x", "image_url": "s3://b/x.JPG", "metadata": {"a": 1}},
    {"reference_id": "/y/../z.png", "image_url": "z", "width": 3.5, "height": None},
]


def clients(store: Store) -> None:
    """Put the dataset "clients" into a store."""
    rows = [read_object(one, json.dumps(one), truth=True, derived=Derived()) for one in OBJECTS]
    there = [(ItemRow(one["reference_id"], one["image_url"], json.dumps(one)), None) for one in ITEMS]
    with store.write() as c:
        dataset = datasets.find(c, datasets.create(c, "clients"))
        items.add(c, dataset.key, there, replace=False)
        annotations.add(c, TRUTH, dataset.key, [row for row in rows if isinstance(row, Row)], replace=False)
    farms.predict(store, dataset, "net c", {"x": [("cat", (1.0, 2.0, 3.0, 4.0), 0.1)]})


def test_what_clients_have_uploaded_comes_back_as_it_was(run, store: Store) -> None:
    clients(store)
    for name, model in (("clients", "net c"), ("farm", "net")):
        for kind in ("box", "mask"):  # results are of one kind
            files = ("--coco", f"{name} {kind}", "--results", f"{name} {kind} results")
            taken(run("export", *files, "--dataset", name, "--run", model, "--kind", kind))
            taken(run("import", *files, "--dataset", f"{name} again", "--model", f"{model} again"))
        assert sent(store, f"{name} again", f"{model} again") == sent(store, name, model)
    assert [image["file_name"] for image in read("clients box")["images"]] == ["x.JPG", "y/z.png"]


NUMBER = st.one_of(st.integers(-50, 200), st.floats(-50, 200))
SIDE = st.one_of(st.integers(0, 100), st.floats(0, 100))
BOXES = st.lists(st.tuples(st.sampled_from(["cat", "dög"]), st.tuples(NUMBER, NUMBER, SIDE, SIDE)), max_size=4)
RINGS = st.lists(st.tuples(st.just("cat"), st.tuples(*[NUMBER] * 6)), max_size=3)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=BOXES, rings=RINGS)
def test_any_boxes_and_outlines_come_back(boxes: list[Any], rings: list[Any], run, store: Store) -> None:
    name = f"any {len(list(Path().iterdir()))}"
    farms.predict(store, farms.make(store, name, {"a": boxes, "b": rings}), name, {})
    taken(run("export", "--coco", name, "--dataset", name))
    taken(run("import", "--coco", name, "--dataset", f"{name} again"))
    farms.predict(store, again(store, name), f"{name} again", {})
    assert sent(store, f"{name} again", f"{name} again") == sent(store, name, name)


def again(store: Store, name: str) -> datasets.Dataset:
    """The dataset that was read again."""
    with store.read() as c:
        return stored.find_dataset(c, f"{name} again")


@pytest.mark.parametrize(("kind", "iou_type"), [("box", "bbox"), ("mask", "segm")])
def test_pycocotools_measures_the_same_from_the_files(kind: str, iou_type: Any, run, store: Store) -> None:
    rng = np.random.default_rng(3)
    truth: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for number in range(8):
        shapes = rng.uniform(5, 120, (5, 4)) if kind == "box" else rng.uniform(5, 250, (5, 8))
        truth[str(number)] = [("cd"[i % 2], tuple(shape)) for i, shape in enumerate(shapes)]
        moved = [tuple(shape + rng.normal(0, 6, len(shape))) for shape in np.abs(shapes) + 20]
        found[str(number)] = [("cd"[i % 2], shape, SCORES[i]) for i, shape in enumerate(moved)]
    dataset = farms.make(store, f"measured {kind}", truth)
    of_run = farms.predict(store, dataset, f"measured {kind}", found)
    with store.read() as c:
        expected = stored.report(stored.read(store, c, dataset, of_run, Config(), iou_type)).as_dict()
    name = dataset.name
    taken(run("export", "--coco", "truth", "--dataset", name, "--run", name, "--results", "found"))
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO("truth")
        evaluation = COCOeval(known, known.loadRes("found"), iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == expected[f"{kind}_ap"] and 0 < evaluation.stats[0] < 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "not COCO's format of datasets: a list, as results are"),
        ({"images": []}, "not COCO's format of datasets: `images` and `annotations` are no lists"),
        (changed(("categories", 0, "name"), ...), "category no. 1 has no id, or no name"),
        (changed(("categories", 1, "id"), 18), "category id 18 is there twice"),
        (changed(("images", 1, "id"), None), "image no. 2 has no id"),
        (changed(("images", 1, "id"), 17), "image 17 (2.jpg) is there twice"),
        (changed(("images", 1, "file_name"), "a/1.jpg"), "image 3 (a/1.jpg) is there twice"),
        (changed(("images", 0, "file_name"), ""), "image 17: item: reference_id is null"),
        (changed(("annotations", 0, "image_id"), 4), "annotation 900: image_id is 4, which `images` lacks"),
        (changed(("annotations", 0, "category_id"), "18"), "annotation 900: category_id is '18', which `categories`"),
        (changed(("annotations", 0, "bbox"), [1, 2, 3]), "annotation 900: bbox is [1, 2, 3]; it takes four numbers"),
        (changed(("annotations", 0, "bbox"), [1, 2, -3, 4]), "geometry.width is -3; it takes a finite number of 0 or"),
        (changed(("annotations", 0, "bbox"), ...), "annotation 900: has neither a box nor an outline"),
        (changed(("annotations", 0, "iscrowd"), 2), "annotation 900: iscrowd is 2; it takes 0 and 1"),
        (changed(("annotations", 1, "segmentation"), [[1, 2, 3, 4]]), "a ring takes three points or more"),
        (changed(("annotations", 1, "segmentation"), [[1, 2, "3", 4, 5, 6]]), 'geometry.vertices[1].x is "3"'),
        (changed(("annotations", 2, "segmentation", 0), [[1], 2]), "annotation 1: segmentation: "),
        (changed(("annotations", 3, "segmentation", "counts"), "xx"), "annotation 2: segmentation: run lengths"),
        (changed(("annotations", 3, "segmentation", "size"), [4, 4]), "annotation 2: segmentation: run lengths are of"),
        (changed(("images", 1, "width"), None), "annotation 1: has a mask, and its image no width and height"),
        (changed(("annotations", 0, "maskserve"), 4), "has a member maskserve that this program has not written"),
        (changed(("annotations", 0), 5), "annotation no. 1 is no object"),
    ],
)
def test_a_bad_dataset_is_one_line_and_nothing_is_kept(document: object, words: str, run, store: Store) -> None:
    done = run("import", "--coco", written(document, "in.json"), "--dataset", "bad")
    assert done.exit_code == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.output
    with store.read() as c:
        assert "bad" not in [one.name for one in datasets.every(c)]


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({}, "found.json: not COCO's format of results: no list"),
        ([{**RESULTS[0], "score": 1.5}], "result no. 1: score is 1.5; it takes a number from 0 to 1"),
        ([RESULTS[0], {**RESULTS[0], "score": True}], "result no. 2: score is True"),
        ([{**RESULTS[0], "image_id": 99}] * 5, "result no. 3: image_id is 99, which `images` lacks; and 2 more"),
    ],
)
def test_bad_results_are_one_line_and_nothing_is_kept(results: object, words: str, run, store: Store) -> None:
    written(DATASET, "in.json")
    options = ("--dataset", "bad", "--results", written(results, "found.json"), "--model", "no")
    done = run("import", "--coco", "in.json", *options)
    assert done.exit_code == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.output
    with store.read() as c:
        assert "bad" not in [one.name for one in datasets.every(c)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("export",), 2, "give ARCHIVE, or --coco and --dataset"),
        (("export", "a", "--coco", "b"), 2, "give ARCHIVE, or --coco and --dataset"),
        (("export", "a", "--dataset", "farm"), 2, "--dataset goes with --coco"),
        (("export", "--coco", "a"), 2, "--coco goes with --dataset"),
        (("export", "--coco", "a", "--dataset", "farm", "--run", "net"), 2, "--run goes with --results"),
        (("export", "--coco", "a", "--dataset", "barn"), 1, "the store has no dataset barn; it has "),
        (("export", "--coco", "a", "--dataset", "farm", "--run", "no", "--results", "b"), 1, "farm has no run no"),
        (("import", "--coco", "in.json", "--dataset", "x", "--model", "m"), 2, "--model goes with --results"),
        (
            ("import", "--coco", "in.json", "--dataset", "x", "--results", "r"),
            2,
            "--results goes with --run or --model",
        ),
        (("import", "--coco", "none.json", "--dataset", "x"), 1, "none.json: No such file or directory"),
        (("import", "--coco", "nan.json", "--dataset", "x"), 1, "nan.json: no JSON: NaN is no number of JSON's"),
    ],
)
def test_options_that_do_not_fit_are_one_line(arguments: tuple[str, ...], code: int, words: str, run) -> None:
    Path("nan.json").write_text('{"images": [], "annotations": [{"bbox": [NaN]}]}')
    done = run(*arguments)
    assert done.exit_code == code and words in done.stderr and len(done.stderr.splitlines()) <= 3, done.output
    assert [path.name for path in Path().iterdir()] == ["nan.json"]
