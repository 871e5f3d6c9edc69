"""Masks: by address they are noted, from files they are kept byte for byte, however many requests bring them."""

import io
import random
from typing import Any

import nucleus
import requests
from judging import FOLDER, Checks, ask, connect, counted, dataset_of, finished, model_of
from nucleus import Segment, SegmentationAnnotation, SegmentationPrediction
from PIL import Image
from samples import mask

SCHEMES = ("http://127.0.0.1:1/{}.png", "https://masks.invalid/{}.png?a=b&c=é", "s3://bucket/{}.png", "gs://b/{} ä.png")
LOCAL = 24


def remote(checks: Checks) -> None:
    """More than fit into a request, of every scheme; none of the addresses answers."""
    client = connect()
    names = [f"item {i:02}" for i in range(42)]
    dataset, model = dataset_of(client, "remote masks", names), model_of(client, "remote masks")
    masks = [mask(name, f"m {name}", SCHEMES[i % 4].format(i)) for i, name in enumerate(names)]
    for size in (1, 20, 50):
        run = dataset.create_model_run(f"by {size}", reference_id=model.reference_id)
        reply = run.predict(masks, remote_files_per_upload_request=size)
        checks.same(f"{size}: counts", reply, counted(run.model_run_id, len(masks)))
        found = [run.refloc(name).get("segmentation") for name in names]
        checks.same(f"{size}: as sent", found, [[one] for one in masks])
    exported = {one.reference_id: one for one in run.ungrouped_export()["segmentation"]}
    checks.same("export", [exported[name] for name in names], masks)
    checks.same("by its id", run.prediction_loc(names[3], f"m {names[3]}"), masks[3])
    job = finished(run.predict([mask(names[0], "new", "s3://b/new.png")], update=True, asynchronous=True))
    checks.same("by a job", [job.errors(), run.iloc(0)["segmentation"][0].mask_url], [[], "s3://b/new.png"])
    double = SegmentationPrediction("s3://b/1.png", [Segment("a", 1), Segment("b", 1)], names[1])
    checks.same("an index twice", len(run.predict([double], update=True)["errors"]), 1)


def write_masks() -> list[str]:
    """Masks of sizes that make them overtake each other, one with a name that is hard to quote."""
    numbers, paths = random.Random(5), []
    for number in range(LOCAL):
        side = numbers.choice([3, 60, 400])
        pixels = Image.frombytes("L", (side, side), numbers.randbytes(side * side))
        name = f'mäsk "{number}" 100%25;.png' if number == 5 else f"mask-{number}.png"
        pixels.save(FOLDER / name)
        paths.append(str(FOLDER / name))
    return paths


def local(checks: Checks) -> None:
    """Requests of 1 to 10 files, up to 10 at once; the bytes are read from the address that is given with each."""
    client, paths = connect(), write_masks()
    names = [f"folder/{i}" for i in range(LOCAL)]
    dataset, model = dataset_of(client, "local masks", names), model_of(client, "local masks")
    masks = [
        SegmentationPrediction(path, [Segment(f"label {i}", i)], name, f"id {i}")
        for i, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    for size in (10, 2, 1):
        run = dataset.create_model_run(f"by {size}", reference_id=model.reference_id)
        reply = run.predict(masks, local_files_per_upload_request=size)
        checks.same(f"{size}: counts", reply, counted(run.model_run_id, LOCAL))
        checks.same(f"{size}: as sent", [run.refloc(name)["segmentation"] for name in names], [[one] for one in masks])
        checks.same(f"{size}: bytes", [wrong for i in range(LOCAL) if (wrong := bytes_differ(run, i, paths[i]))], [])
    again = run.predict(masks)
    checks.same("again", again, counted(run.model_run_id, 0, LOCAL))
    moved = SegmentationPrediction(paths[1], [Segment("new", 0)], names[0], "new")
    checks.same("another file", run.predict([moved], update=True), counted(run.model_run_id, 1))
    checks.same("its bytes", [bytes_differ(run, 0, paths[1]), run.iloc(0)["segmentation"]], ["", [moved]])
    shared = [SegmentationPrediction(paths[2], [Segment("a", 1)], name) for name in names[:3]]
    run = dataset.create_model_run("shared", reference_id=model.reference_id)
    checks.same("one file for three", run.predict(shared), counted(run.model_run_id, 3))
    checks.same("its bytes, three times", [bytes_differ(run, i, paths[2]) for i in range(3)], ["", "", ""])
    lost = SegmentationPrediction(paths[2], [Segment("a", 1)], "nowhere")
    reply = run.predict([lost, masks[4]])
    told = reply.pop("errors", [])
    checks.same("beside a bad one", [reply, len(told)], [counted(run.model_run_id, 1), 1])
    checks.same("its own bytes", bytes_differ(run, 4, paths[4]), "")
    checks.raises("eleven at once", "ValueError", "<= 10", run.predict, masks, local_files_per_upload_request=11)
    truth(checks, client, dataset, paths)


def truth(checks: Checks, client: nucleus.NucleusClient, dataset: nucleus.Dataset, paths: list[str]) -> None:
    """Masks of ground truth, and a mixed upload."""
    sent: list[Any] = [
        SegmentationAnnotation(paths[0], [Segment("a", 1)], "folder/0", "1"),
        SegmentationAnnotation("gs://b/1.png", [Segment("b", 2)], "folder/1", "2"),
        nucleus.BoxAnnotation("car", 1, 2, 3, 4, "folder/0", "3"),
    ]
    wanted = {"dataset_id": dataset.id, "annotations_processed": 3, "annotations_ignored": 0}
    checks.same("ground truth", dataset.annotate(sent), wanted)
    rows = {row["item"].reference_id: row["annotations"] for row in dataset.items_and_annotations()}
    found = [rows[f"folder/{i}"]["segmentation"] for i in range(2)]
    checks.same("ground truth as sent", found, sent[:2])
    exported = ask("GET", f"dataset/{dataset.id}/exportForTraining").json()["exportedRows"]
    (one,) = (row["segmentation"] for row in exported if row["item"]["reference_id"] == "folder/0")
    answer = requests.get(one["mask_download_url"], timeout=60)
    checks.holds("its bytes, without a key", answer.content == open(paths[0], "rb").read(), answer.status_code)


def bytes_differ(run: Any, position: int, path: str) -> str:
    """What is wrong with the mask of an item, whose address needs no key; "" if nothing is."""
    (one,) = ask("GET", f"modelRun/{run.model_run_id}/iloc/{position}").json()["annotations"]["segmentation"]
    answer = requests.get(one["mask_download_url"], timeout=60)
    if answer.status_code != 200 or answer.headers["Content-Type"] != "image/png":
        return f"{position}: {answer.status_code} {answer.headers['Content-Type']}"
    with Image.open(io.BytesIO(answer.content)) as found:
        found.load()
    return "" if answer.content == open(path, "rb").read() else f"{position}: other bytes"
