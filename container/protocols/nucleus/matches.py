"""The rows of a commit as clients read them, a page at a time."""

import json
from collections.abc import Iterator

from container.errors import BadRequest, Unavailable
from container.protocols.nucleus.replies import dump
from container.store import evaluations, runs
from container.store.database import Connection
from container.store.evaluations import Evaluation
from container.store.runs import Run

MATCHES = ("iou", "false_positive", "false_negative")


def committed(connection: Connection, run: Run) -> Evaluation:
    """Return the last commit of a run; BadRequest if there is none, and Unavailable while the first is computed."""
    one = evaluations.last_commit(connection, run.key)
    if one is not None:
        return one
    if run.status == runs.COMMITTING:
        raise Unavailable(f"model run {run.id} is being committed", retry_after=2)
    failed = evaluations.last_commit(connection, run.key, evaluations.FAILED)
    reason = f": its commit failed, {failed.error}" if failed else ""
    raise BadRequest(f"model run {run.id} has no matches{reason}; commit it first")


def rows_page(
    connection: Connection, run: Run, mode: str, dataset_key: int, after: int, size: int
) -> tuple[Iterator[str], int | None]:
    """Return the rows of some items as texts, and the key of the last item, None behind the last page.

    "iou": pairs, with labels that fit or not; "false_positive": predictions without truth, and pairs whose labels do
    not fit; "false_negative": truth without a prediction.
    """
    found = evaluations.matches(connection, committed(connection, run).key, dataset_key, after, size)

    def texts() -> Iterator[str]:
        for _, item_id, rows in found:
            for kind, found_id, truth_id, found_label, truth_label, iou, fits, confidence in json.loads(rows):
                if mode in _modes(found_label is not None, truth_label is not None, fits):
                    yield dump(
                        {
                            "model_run_id": run.id,
                            "dataset_item_id": item_id,
                            "model_prediction_id": found_id,
                            "ground_truth_annotation_id": truth_id,
                            "iou": iou,
                            "true_positive": fits,
                            "model_prediction_label": found_label,
                            "ground_truth_annotation_label": truth_label,
                            "confidence": confidence,
                            "kind": kind,
                        }
                    )

    return texts(), found[-1][0] if found else None


def _modes(predicted: bool, labelled: bool, fits: bool) -> tuple[str, ...]:
    """Return where a row belongs."""
    if not predicted:
        return ("false_negative",)
    if not labelled:
        return ("false_positive",)
    return ("iou",) if fits else ("iou", "false_positive")
