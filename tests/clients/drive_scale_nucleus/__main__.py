"""Every call of scale-nucleus that the store answers, made in a virtual environment of its own.

    python drive_scale_nucleus PLAN.json OUTCOMES.json

The plan says where the server is, its key, whether it asks for one, a folder to write pictures to, and where random
scenes are with pycocotools' figures of them. The outcomes are the checks of each topic, and what is wrong with each: ""
where nothing is.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path

import benchmarks
import commits
import datasets
import evaluations
import figures
import masks
import matches
import newer
import page
import predictions
import reads
import unavailable
import uploads
from judging import PLAN, Checks

TOPICS = (
    page.snippet,
    page.models,
    page.runs,
    predictions.kinds,
    predictions.raw,
    predictions.update,
    predictions.identities,
    predictions.twice_in_a_request,
    predictions.errors,
    uploads.batches,
    uploads.polygons,
    uploads.asynchronous,
    uploads.ground_truth,
    uploads.jobs,
    masks.remote,
    masks.local,
    reads.names,
    reads.splits,
    reads.positions,
    datasets.basics,
    datasets.items,
    datasets.files,
    datasets.truth,
    datasets.queries,
    datasets.metadata,
    datasets.labels,
    datasets.deletions,
    commits.payloads,
    commits.wrong_payloads,
    commits.lifecycle,
    commits.of_models,
    commits.deletions,
    commits.spanning,
    matches.random_boxes,
    matches.shapes,
    matches.categories,
    matches.segments,
    figures.of_scenes,
    figures.wrong_maps,
    evaluations.of_runs,
    evaluations.on_benchmarks,
    evaluations.of_models,
    evaluations.endings,
    evaluations.leaderboards,
    benchmarks.membership,
    benchmarks.drafts,
    benchmarks.versions,
    benchmarks.presets,
    newer.spanning,
    newer.of_models,
    newer.keys,
    unavailable.methods,
)


def main() -> None:
    """Go through the topics; one that fails as a whole is noted with its traceback."""
    outcomes: dict[str, Checks] = {}
    for topic in TOPICS:
        name = f"{topic.__module__}.{topic.__name__}"
        if PLAN["topics"] and name not in PLAN["topics"]:
            continue
        checks = outcomes[name] = Checks()
        try:
            topic(checks)
        except Exception:
            checks.note("to its end", traceback.format_exc())
    Path(sys.argv[2]).write_text(json.dumps(outcomes))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the client calls much of itself deprecated
    main()
