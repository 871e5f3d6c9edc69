"""Reading by name and by position: names that paths were not made for, and numbers that stay."""

from typing import Any

from judging import Checks, ask, by_kind, connect, counted, dataset_of, finished, item_id, model_of, picture
from nucleus import BoxAnnotation
from samples import box, polygon

NAMES = (
    "plain.jpg",
    "folder/sub/1.jpg",
    "a b",
    "é ü/日本.jpg",
    "e\u0301",  # not the é above
    "q?x=1&y=2",
    "100%",
    "50%25",
    "plus+sign",
    "semi;colon,comma",
    "slash/",
    "double//slash",
    "/at first",
    "'single' \"double\"",
    "back\\slash",
    "loc/1/iloc",
    "[1]{2}|^~`",
    "ABC",
    "abc",
)
UNREACHABLE = ("hash#tag",)  # the client cuts it off before it sends the path, but for datasets


def names(checks: Checks) -> None:
    """Each name for an item, its predictions, and as a part of annotation ids."""
    client = connect()
    every = [*NAMES, *UNREACHABLE]
    dataset, model = dataset_of(client, "names", every), model_of(client, "names")
    run = dataset.create_model_run("names", reference_id=model.reference_id)
    objects = {name: [box(name, None, x=i), polygon(name, f"{name}/id")] for i, name in enumerate(every)}
    sent = [one for pair in objects.values() for one in pair]
    checks.same("counts", run.predict(sent), counted(run.model_run_id, len(sent)))
    dataset.upload_predictions(model, sent)
    dataset.annotate([BoxAnnotation("car", i, 0, 1, 1, name, f"{name}-truth") for i, name in enumerate(every)])
    for position, name in enumerate(every):
        wanted = by_kind(objects[name])
        checks.same(f"{name}: item", dataset.refloc(name)["item"], dataset.iloc(position)["item"])
        checks.same(f"{name}: its own name", dataset.iloc(position)["item"].reference_id, name)
        checks.same(f"{name}: by iloc", run.iloc(position), wanted)
        if name in UNREACHABLE:
            continue
        checks.same(f"{name}: by refloc", run.refloc(name), wanted)
        checks.same(f"{name}: by the model", dataset.predictions_refloc(model, name), wanted)
        for one in objects[name]:
            key = one.annotation_id
            checks.same(f"{name}: {key}", run.prediction_loc(name, key), one)
            checks.same(f"{name}: {key}, by the model", dataset.prediction_loc(model, name, key), one)
        truth = dataset.ground_truth_loc(name, f"{name}-truth")
        checks.same(f"{name}: ground truth", [truth.reference_id, truth.x], [name, position])


def splits(checks: Checks) -> None:
    """One path for two objects: the item with the longer name is meant."""
    client = connect()
    dataset, model = dataset_of(client, "splits", ["a", "a/b", "a/b/c"]), model_of(client, "splits")
    run = dataset.create_model_run("splits", reference_id=model.reference_id)
    objects = [box("a", "b/c"), box("a/b", "c"), box("a", "b/c/d"), box("a/b/c", "e")]
    run.predict(objects)
    checks.same("the longer one", run.prediction_loc("a", "b/c"), objects[1])
    checks.same("the only one", run.prediction_loc("a/b", "c/d"), objects[2])
    checks.same("of the longest", run.prediction_loc("a/b/c", "e"), objects[3])
    for way in (run.refloc, run.loc, run.iloc):
        checks.raises(f"unknown item: {way.__name__}", "NucleusAPIError 404", '{"error":"', way, "7")
    lookup = run.prediction_loc
    checks.raises("unknown id", "NucleusAPIError 404", '{"error":"', lookup, "a", "nothing")
    checks.raises("unknown in the dataset", "NucleusAPIError 404", '{"error":"', dataset.refloc, "nothing")
    checks.raises("by number, too large", "NucleusAPIError 404", '{"error":"', dataset.iloc, 3)
    for number in ("-1", "x", "1.0", "99999999999999999999999"):
        answer = ask("GET", f"modelRun/{run.model_run_id}/iloc/{number}")
        checks.holds(f"number {number}", answer.status_code in (400, 404) and "error" in answer.json(), answer.text)


def positions(checks: Checks) -> None:
    """An item keeps its number and its id while others are appended and changed."""
    client = connect()
    dataset, model = dataset_of(client, "positions", ["z", "m", "a"]), model_of(client, "positions")
    run = dataset.create_model_run("positions", reference_id=model.reference_id)
    objects = [box(name, name) for name in "zma"]
    run.predict(objects[::-1])
    before = [item_id(dataset, i) for i in range(3)]

    def read() -> list[Any]:
        return [[run.iloc(i)["box"][0], run.loc(before[i])["box"][0]] for i in range(3)]

    wanted = [[one, one] for one in objects]
    checks.same("numbers of three", read(), wanted)
    finished(dataset.append([picture("b"), picture("n")]))
    finished(dataset.append([picture("m", changed=1)], update=True))
    checks.same("numbers of five", read(), wanted)
    checks.same("ids of five", [item_id(dataset, i) for i in range(3)], before)
    checks.same("ids of two runs", run.loc(before[0]), run.iloc(0))
    found = [dataset.iloc(i)["item"].reference_id for i in range(5)]
    checks.same("their order", found[:3], ["z", "m", "a"])
    checks.same("the new ones", sorted(found[3:]), ["b", "n"])
    checks.same("by loc", [dataset.loc(one)["item"].reference_id for one in before], ["z", "m", "a"])
    other = dataset_of(client, "positions of another", ["z"])
    checks.raises("of another dataset", "NucleusAPIError 404", '{"error":"', other.loc, before[0])
    checks.raises("of another run", "NucleusAPIError 404", '{"error":"', run.loc, item_id(other, 0))
