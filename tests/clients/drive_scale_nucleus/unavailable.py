"""What the store does not offer is answered with 501, and says which route that is."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import nucleus
from judging import Checks, connect, dataset_of, model_of


def methods(checks: Checks) -> None:
    """Methods of the client that need what is not here; those that a version has not are left out."""
    client = connect()
    dataset, model = dataset_of(client, "unavailable", ["a"]), model_of(client, "unavailable")
    run = dataset.create_model_run("unavailable", reference_id=model.reference_id)
    for name, call in asked_for(client, dataset, model, run.model_run_id).items():
        with contextlib.redirect_stdout(io.StringIO()):
            checks.raises(name, "NucleusAPIError 501", '{"error":"not implemented: ', call)
    checks.same("slices", [dataset.slices, dataset.info().slice_ids], [[], []])


def asked_for(
    client: nucleus.NucleusClient, dataset: nucleus.Dataset, model: nucleus.Model, run_id: str
) -> dict[str, Callable[[], Any]]:
    """Calls by the name of their method."""
    given: list[tuple[Any, dict[str, tuple[Any, ...]]]] = [
        (
            dataset,
            {
                "create_slice": ("a", ["a"]),
                "create_slice_by_ids": ("a", ["di_1"]),
                "list_autotags": (),
                "autotag_items": ("a",),
                "update_autotag": ("tag_1",),
                "create_custom_index": (["s3://b/1.json"], 3),
                "create_image_index": (),
                "set_primary_index": (),
                "get_image_indexing_status": (),
                "export_embeddings": (),
                "ingest_tasks": (["1"],),
                "export_scale_task_info": (),
                "delete_taxonomy": ("a",),
                "get_scene": ("a",),
                "delete_tracks": (["a"],),
                "delete_scene": ("a",),
                "deduplicate": (1,),
                "evaluation_label_schema": (),
                "upload_lidar_semseg_predictions": (model, "a", "s3://b/1.bin"),
            },
        ),
        (
            model,
            {
                "evaluate": (["a"],),
                "run": (dataset.id, "a", None),
                "weights": (),
                "copy_predictions_from_run": (run_id,),
            },
        ),
        (
            client,
            {
                "get_autotag_refinement_metrics": ("tag_1",),
                "delete_slice": ("slc_1",),
            },
        ),
    ]
    calls: dict[str, Callable[[], Any]] = {}
    for owner, methods in given:
        for name, values in methods.items():
            if callable(method := getattr(type(owner), name, None)):
                calls[f"{type(owner).__name__}.{name}"] = lambda m=method, o=owner, v=values: m(o, *v)
    calls["Dataset.scenes"] = lambda: dataset.scenes
    calls["Dataset.tracks"] = lambda: dataset.tracks
    calls["NucleusClient.slices"] = lambda: client.slices
    calls["NucleusClient.validate"] = lambda: client.validate.scenario_tests
    calls["Dataset.query_items"] = lambda: list(dataset.query_items("a"))
    return calls
