"""Our route for the figures of a commit, read through the client, against pycocotools' of the same objects."""

from judging import Checks, connect, dataset_of, model_of
from scenes import ALLOWED, FOUND, TRUTH, close, upload, wanted


def of_scenes(checks: Checks) -> None:
    """All twelve numbers of boxes and of polygons, those of each label, and counts, by labels and by allowed ones."""
    client = connect()
    _, run = upload(client, "figures", ("box", "polygon"))
    route = f"modelRun/{run.model_run_id}/metrics"
    checks.raises("before a commit", "NucleusAPIError 400", "commit", client.get, route)
    for name, payload, way in (("labels", None, "all"), ("allowed", {"allowed_label_matches": ALLOWED}, "all mapped")):
        run.commit(payload)
        for kind in ("bbox", "segm"):
            found, expected = client.get(f"{route}?iou_type={kind}"), wanted(way, kind)
            for part in ("stats", "per_class"):
                close(checks, f"{name}: {part} of {kind}", found[part], expected[part])
            checks.same(f"{name}: counts of {kind}", found["counts"], expected["at"]["0.5"]["counts"])
            checks.same(f"{name}: its kind, {kind}", found["iou_type"], kind)
        checks.same(f"{name}: boxes go first", client.get(route), client.get(f"{route}?iou_type=bbox"))
        checks.holds(f"{name}: what it is of", bool(found["data_revision"] and found["version"]), found)
    checks.raises("another kind", "NucleusAPIError 400", "iou_type", client.get, f"{route}?iou_type=keypoints")
    run.commit({"class_agnostic": False})
    one_class = client.get(f"{route}?iou_type=bbox")
    close(checks, "labels count in figures by all rules", one_class["stats"], wanted("all")["stats"])


def wrong_maps(checks: Checks) -> None:
    """A commit may allow what figures cannot count: they say so."""
    client = connect()
    dataset, model = dataset_of(client, "wrong maps", ["a"]), model_of(client, "wrong maps")
    run = dataset.create_model_run("wrong maps", reference_id=model.reference_id)
    route = f"modelRun/{run.model_run_id}/metrics"

    def pair(truth: str, found: str) -> dict[str, str]:
        return {"ground_truth_label": truth, "model_prediction_label": found}

    for name, pairs in {
        "a label for two": [pair("a", "x"), pair("b", "x")],
        "there and back": [pair(TRUTH, FOUND), pair(FOUND, TRUTH)],
    }.items():
        checks.same(
            f"{name}: the commit", run.commit({"allowed_label_matches": pairs}), {"model_run_id": run.model_run_id}
        )
        checks.raises(f"{name}: figures", "NucleusAPIError 400", "one label of truth", client.get, route)
    checks.raises("unknown run", "NucleusAPIError 404", "run_nothing", client.get, "modelRun/run_nothing/metrics")
