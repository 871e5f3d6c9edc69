"""Datasets: items by every generation's ways, ground truth, exports, tags, taxonomies, deletions."""

from itertools import chain
from typing import Any

import nucleus
import requests
from judging import (
    APPENDS_AT_ONCE,
    FOLDER,
    NAME,
    VERSION,
    Checks,
    ask,
    by_kind,
    connect,
    dataset_of,
    exact,
    finished,
    model_of,
    picture,
)
from nucleus.dataset import ObjectQueryType
from PIL import Image
from samples import METADATA, annotations, box, named, polygon

HAS_TAGS = VERSION >= (0, 18, 4)


def basics(checks: Checks) -> None:
    client = connect()
    fields = {"item_metadata_schema": {"a": {"type": "number"}}, "annotation_metadata_schema": {"b": {"type": "text"}}}
    dataset = client.create_dataset(f"{NAME}: bäsics", is_scene=False, **fields)
    known = client.get_dataset(dataset.id)
    told = [known.name, known.is_scene, known.use_privacy_mode, known.size, known.items, known.model_runs]
    checks.same("what it is", told, [f"{NAME}: bäsics", False, False, 0, [], []])
    info = dataset.info()
    told = [info.dataset_id, info.name, info.length, info.model_run_ids, info.slice_ids]
    checks.same("its info", told, [dataset.id, f"{NAME}: bäsics", 0, [], []])
    same_name = client.create_dataset(f"{NAME}: bäsics", is_scene=False)
    checks.holds("another of its name", same_name.id != dataset.id)
    checks.holds("listed", {dataset.id, same_name.id} <= {one.id for one in client.datasets})
    checks.holds("listed by the old way", dataset.id in exact(client.list_datasets()))
    checks.raises("unknown", "NucleusAPIError 404", '{"error":"', lambda: client.get_dataset("ds_nothing").name)
    scenes = client.create_dataset(f"{NAME}: private", is_scene=False, use_privacy_mode=True)
    checks.same("private", client.get_dataset(scenes.id).use_privacy_mode, True)


def items(checks: Checks) -> None:
    """Appended, ignored and replaced, in more than one batch."""
    client = connect()
    dataset = client.create_dataset(f"{NAME}: items", is_scene=False)
    first = [picture(f"{i}/é", number=i, nested=METADATA) for i in range(25)]
    second = [picture("0/é", other=1), picture("new", a=1.0)]

    def append(name: str, of: list[Any], counts: tuple[int, int, int], **fields: Any) -> None:
        reply = finished(dataset.append(of, **fields))
        if APPENDS_AT_ONCE and not hasattr(reply, "status"):
            found = (reply.new_items, reply.updated_items, reply.ignored_items)
            checks.same(f"{name}: its reply", [reply.dataset_id, found], [dataset.id, counts])
        else:
            checks.same(f"{name}: its job", [reply.errors(), reply.status()["status"]], [[], "Completed"])

    append("new ones", first, (25, 0, 0))
    checks.same("as sent", dataset.items, first)
    checks.same("in pages", list(dataset.items_generator(page_size=4)), first)
    checks.same("in one page", list(dataset.items_generator()), first)
    append("old ones", second, (1, 0, 1))
    checks.same("the old one stays", dataset.refloc("0/é")["item"], first[0])
    append("to update", [second[0]], (0, 1, 0), update=True)
    checks.same("the new one replaces", dataset.iloc(0)["item"], second[0])
    append(
        "by a job", [picture("by a job"), second[0]], (1, 0, 1), **({"asynchronous": True} if APPENDS_AT_ONCE else {})
    )
    checks.same("size", [dataset.size, dataset.info().length, len(dataset.items)], [27, 27, 27])
    whole = [*(["0/é"]), *(one.reference_id for one in first[1:]), "new", "by a job"]
    checks.same("order", [one.reference_id for one in dataset.items], whole)
    twice = [picture("x"), picture("x")]
    checks.raises("twice in the client", "ValueError", "Duplicate reference IDs", dataset.append, twice)
    bad = [{"reference_id": "y"}, {"image_url": "s3://b/1.png"}, 7, picture("z").to_payload()]
    reply = ask("POST", f"dataset/{dataset.id}/append", json={"items": bad, "update": False}).json()
    counts = [reply[key] for key in ("dataset_id", "new_items", "updated_items", "ignored_items", "upload_errors")]
    checks.same("bad ones", counts, [dataset.id, 1, 0, 0, 3])
    checks.same("the good one beside them", dataset.refloc("z")["item"], picture("z"))


def files(checks: Checks) -> None:
    """Pictures from files, in batches of ten that come at once; the server has them then."""
    client = connect()
    dataset = client.create_dataset(f"{NAME}: files", is_scene=False)
    sent = []
    for number in range(23):
        path = FOLDER / f"bild ä {number}.{'png' if number % 2 else 'jpg'}"
        Image.new("RGB", (8 + number, 8), (number, 9, 99)).save(path)
        sent.append(nucleus.DatasetItem(str(path), reference_id=f"local/{number}", metadata={"number": number}))
    reply = finished(dataset.append(sent))
    if APPENDS_AT_ONCE:
        checks.same("counts", [reply.new_items, reply.ignored_items, reply.upload_errors], [23, 0, 0])
    finished(dataset.append(sent[:2], local_files_per_upload_request=1))
    checks.same("size", dataset.size, 23)
    found = {one.reference_id: one for one in dataset.items}
    checks.same("metadata", [found[one.reference_id].metadata for one in sent], [one.metadata for one in sent])
    wrong = []
    for one in sent:
        answer = requests.get(found[one.reference_id].image_location, timeout=60)
        if answer.content != open(one.image_location, "rb").read():
            wrong.append(one.reference_id)
    checks.same("their bytes, without a key", wrong, [])
    lost = nucleus.DatasetItem(str(FOLDER / "nowhere.png"), reference_id="x")
    checks.raises("no file", "NotFoundError", "", dataset.append, [lost])
    if VERSION < (0, 19):
        return
    (folder := FOLDER / "crawled").mkdir()
    Image.new("L", (4, 4)).save(folder / "a.png")
    finished(dataset.add_items_from_dir(str(folder)))
    checks.same("a folder", dataset.size, 24)


def truth(checks: Checks) -> None:
    """Ground truth of every kind, by every way of reading."""
    client = connect()
    dataset = dataset_of(client, "truth", ["kinds/é", "other", "empty"])
    sent, others = annotations("kinds/é"), [polygon_truth("other", None), polygon_truth("other", "id/1")]
    wanted = {"dataset_id": dataset.id, "annotations_processed": len(sent) + 2, "annotations_ignored": 0}
    checks.same("counts", dataset.annotate(sent + others), wanted)
    found = dataset.refloc("kinds/é")["annotations"]
    checks.same("by refloc", found, by_kind(sent))
    for way, one in (("iloc", dataset.iloc(0)), ("loc", dataset.loc(first_id(dataset)))):
        checks.same(f"by {way}", [one["annotations"], one["item"].reference_id], [found, "kinds/é"])
    for one in sent:
        if getattr(one, "annotation_id", None):
            checks.same(f"{one.annotation_id} by ground_truth_loc", truth_of(dataset, "kinds/é", one), one)
    polygons = dataset.refloc("other")["annotations"]["polygon"]
    checks.same("without an id", polygons, named(others, polygons))
    checks.same("no annotations", dataset.refloc("empty")["annotations"], {})
    exports(checks, dataset, {"kinds/é": by_kind(sent), "other": {"polygon": polygons}, "empty": {}})
    updates(checks, dataset, sent)


def truth_of(dataset: nucleus.Dataset, reference_id: str, one: Any) -> Any:
    """What is kept of an annotation."""
    return dataset.ground_truth_loc(reference_id, one.annotation_id)


def first_id(dataset: nucleus.Dataset) -> str:
    """The server's id of the first item."""
    return str(ask("GET", f"dataset/{dataset.id}/iloc/0").json()["item"]["dataset_item_id"])


def polygon_truth(reference_id: str, annotation_id: str | None) -> nucleus.PolygonAnnotation:
    """A polygon of ground truth."""
    one = polygon(reference_id, annotation_id)
    return nucleus.PolygonAnnotation(one.label, one.vertices, reference_id, annotation_id)


def exports(checks: Checks, dataset: nucleus.Dataset, wanted: dict[str, Any]) -> None:
    """All items with all that is noted of them: at once, and in pages of any size."""
    segments = wanted["kinds/é"]["segmentation"]
    wanted = {**wanted, "kinds/é": {**wanted["kinds/é"], "segmentation": segments[0]}}
    ways = {"export": dataset.items_and_annotations()}
    for size in (1, 2, 100):
        ways[f"pages of {size}"] = list(dataset.items_and_annotation_generator(page_size=size))
    for way, rows in ways.items():
        checks.same(f"items by {way}", [row["item"].reference_id for row in rows], list(wanted))
        for row in rows:
            name = row["item"].reference_id
            checks.same(f"{name} by {way}", dict(row["annotations"]), wanted[name])
    every = [one for kinds in wanted.values() for one in chain.from_iterable(map(listed, kinds.values()))]
    found = dataset.query_objects("", ObjectQueryType.GROUND_TRUTH_ONLY)
    checks.same("objects of ground truth", sorted(map(exact, found)), sorted(map(exact, every)))


def listed(objects: Any) -> list[Any]:
    """A list, also of one that stands alone."""
    return objects if isinstance(objects, list) else [objects]


def updates(checks: Checks, dataset: nucleus.Dataset, sent: list[Any]) -> None:
    """The same rules as for predictions."""
    old = sent[0]
    new = nucleus.BoxAnnotation("new", 9, 9, 9, 9, "kinds/é", old.annotation_id)
    again = dataset.annotate([new])
    checks.same("False: counts", [again["annotations_processed"], again["annotations_ignored"]], [0, 1])
    checks.same("False: kept", truth_of(dataset, "kinds/é", old), old)
    again = dataset.annotate([new], update=True)
    checks.same("True: counts", [again["annotations_processed"], again["annotations_ignored"]], [1, 0])
    checks.same("True: replaced", truth_of(dataset, "kinds/é", old), new)
    reply = dataset.annotate([nucleus.BoxAnnotation("x", 1, 2, 3, 4, "nowhere"), sent[1]])
    checks.holds("errors", "Item with id nowhere doesn't exist." in reply["errors"][0], reply)
    checks.same("beside errors", [reply["annotations_processed"], reply["annotations_ignored"]], [0, 1])


def queries(checks: Checks) -> None:
    """Objects of a run, which the older clients read so."""
    client = connect()
    dataset, model = dataset_of(client, "queries", ["a", "b"]), model_of(client, "queries")
    run = dataset.create_model_run("queries", reference_id=model.reference_id)
    objects = [box("a", "1", confidence=0.5), polygon("b", "2"), box("b", "3")]
    run.predict(objects)
    found = dataset.query_objects("", ObjectQueryType.PREDICTIONS_ONLY, run.model_run_id)
    checks.same("predictions", sorted(map(exact, found)), sorted(map(exact, objects)))


def metadata(checks: Checks) -> None:
    """Merged into what an item has, at once and by a job."""
    client = connect()
    dataset = client.create_dataset(f"{NAME}: metadata", is_scene=False)
    finished(dataset.append([picture("a/1", old=1, both=1), picture("b", old=1)]))
    dataset.update_item_metadata({"a/1": {"both": 2.0, "new": METADATA}})
    checks.same("merged", dataset.iloc(0)["item"].metadata, {"old": 1, "both": 2.0, "new": METADATA})
    job = finished(dataset.update_item_metadata({"b": {"new": [1]}, "nowhere": {"x": 1}}, asynchronous=True))
    checks.same("by a job", [job.status()["status"], job.job_type], ["Completed", "metadataUpdate"])
    checks.same("merged by it", dataset.iloc(1)["item"].metadata, {"old": 1, "new": [1]})
    checks.holds("unknown item", "nowhere" in "".join(job.errors()), job.errors())


def labels(checks: Checks) -> None:
    """Taxonomies, and tags of datasets and models."""
    client = connect()
    dataset = dataset_of(client, "labels", ["a"])
    add = dataset.add_taxonomy
    told = add("väder", "category", ["sun", "rain"])
    checks.same("added", [told["dataset_id"], told["taxonomy_name"]], [dataset.id, "väder"])
    checks.holds("its status", bool(told["status"]), told)
    checks.same("with more labels", add("väder", "category", ["sun", "snow"], update=True)["taxonomy_name"], "väder")
    checks.same("a second one", add("wetness", "multicategory", ["wet", "dry"])["taxonomy_name"], "wetness")
    model = client.create_model(f"{NAME}: tags", f"{NAME}: tags {dataset.id}", tags=["a"])
    model.add_tags(["b", "ö", "a"])
    checks.same("tags of a model", sorted(client.get_model(model.id).tags), ["a", "b", "ö"])
    model.remove_tags(["a", "nothing"])
    checks.same("tags removed", sorted(client.get_model(model.id).tags), ["b", "ö"])
    text = '{"error":"Deleted 0 tags from model. The specified tag(s) were not found."}'
    checks.raises("tags that it has not", "NucleusAPIError 400", text, model.remove_tags, ["nothing"])
    model.add_trained_slice_ids(["slc_1"])
    checks.same("trained slices", client.get_model(model.id).trained_slice_ids, ["slc_1"])
    model.remove_trained_slice_ids(["slc_1"])
    checks.same("none", client.get_model(model.id).trained_slice_ids, [])
    if not HAS_TAGS:
        return
    checks.same("tags of a dataset", dataset.get_tags(), [])
    checks.same("added to a dataset", sorted(dataset.add_tags(["x", "ÿ"])), ["x", "ÿ"])
    checks.same("added twice", sorted(dataset.add_tags(["x", "z"])), ["x", "z", "ÿ"])
    checks.same("removed", sorted(dataset.remove_tags(["x", "nothing"])), ["z", "ÿ"])
    checks.same("read", sorted(dataset.get_tags()), ["z", "ÿ"])


def deletions(checks: Checks) -> None:
    """What is deleted is gone with all that hangs on it, and nothing else is."""
    client = connect()
    dataset, model = dataset_of(client, "deletions", ["a", "b/é", "c"]), model_of(client, "deletions")
    objects = [box(name, f"{name} box") for name in ("a", "b/é", "c")]
    run = dataset.create_model_run("deletions", reference_id=model.reference_id)
    other = dataset.create_model_run("other", reference_id=model.reference_id)
    run.predict(objects)
    other.predict(objects)
    dataset.annotate([nucleus.BoxAnnotation("x", 1, 2, 3, 4, name, f"{name} truth") for name in ("a", "b/é", "c")])
    checks.same("annotations of an item", finished(dataset.delete_annotations(["a"])).status()["status"], "Completed")
    left = [list(dataset.iloc(i)["annotations"]) for i in range(3)]
    checks.same("gone from it alone", left, [[], ["box"], ["box"]])
    dataset.delete_item("b/é")
    checks.same("an item", [[one.reference_id for one in dataset.items], dataset.size], [["a", "c"], 2])
    checks.same("its number is the next one's", run.iloc(1), {"box": [objects[2]]})
    checks.raises("its predictions", "NucleusAPIError 404", '{"error":"', run.refloc, "b/é")
    checks.same("in exports", run.ungrouped_export(), {"box": [objects[0], objects[2]]})
    finished(dataset.append([picture("b/é")]))
    checks.same("it comes back empty", run.refloc("b/é"), {"annotations": {}})
    client.delete_model_run(run.model_run_id)
    checks.raises("a run", "NucleusAPIError 404", '{"error":"', run.info)
    checks.same("not the other", other.refloc("c"), {"box": [objects[2]]})
    checks.same("runs that are left", dataset.model_runs, [other.model_run_id])
    told = client.delete_model(model.id)
    checks.same("a model", told, {"msg": "Model deletion running in an async job"})
    checks.raises("its runs", "NucleusAPIError 404", '{"error":"', other.info)
    checks.holds("not listed", model.id not in {one.id for one in client.models})
    finished(dataset.delete_annotations())
    checks.same("all annotations", [dataset.iloc(i)["annotations"] for i in range(3)], [{}, {}, {}])
    checks.same("a dataset", client.delete_dataset(dataset.id), {"message": "Beginning dataset deletion..."})
    checks.raises("it is gone", "NucleusAPIError 404", '{"error":"', dataset.info)
    checks.holds("and not listed", dataset.id not in {one.id for one in client.datasets})
