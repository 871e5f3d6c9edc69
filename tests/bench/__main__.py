"""`python -m tests.bench`: start the servers, ask them in turn, print tables, draw a chart."""

import argparse
import datetime
import json
import os
import platform
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torchvision

from tests.bench import (
    cases,
    commits,
    load,
    nucleus,
    operations,
    precision,
    protocols,
    recording,
    report,
    segments,
    workflows,
)
from tests.bench.servers import KINDS, Server, available

CASES = {  # model, photo, objects on it
    "r50": ("maskrcnn_resnet50_fpn", "480x640", 10),
    "r50-1080p": ("maskrcnn_resnet50_fpn", "1080p", 100),
    "r50v2": ("maskrcnn_resnet50_fpn_v2", "480x640", 10),
    "default": (cases.EMBEDDED, "480x640", 10),
    "default-4k": (cases.EMBEDDED, "4K", 10),
    "deeplab": ("deeplabv3_mobilenet_v3_large", "1080p", 0),
    "lraspp": ("lraspp_mobilenet_v3_large", "480x640", 0),
}


def measure(name: str, servers: list[str], rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    """All figures of one case."""
    case = cases.make(*CASES[name], folder)
    figures: dict[str, Any] = {"model": case.model, "size": case.size, "servers": {one: {} for one in servers}}
    with ExitStack() as stack:
        started = [stack.enter_context(Server(one, case, folder)) for one in servers]
        figures["detections"] = load.check_alike(started)
        for kind in case.kinds:
            for one, values in load.latencies(started, kind, rounds).items():
                figures["servers"][one][kind] = values
        for server in started:
            own = figures["servers"][server.name]
            own["start_s"], own["memory_mb"] = server.start_seconds, server.megabytes()
            own["stages_ms"] = server.stages()
            if seconds:
                own["crowd"] = asdict(load.crowd(server, "json", 8, seconds))
    return figures


def memory(name: str, servers: list[str], folder: Path) -> dict[str, float]:
    """MB of four workers by server, each after a few requests."""
    case = cases.make(*CASES[name], folder)
    found = {}
    for one in servers:
        with Server(one, case, folder, workers=4) as server:
            load.crowd(server, "json", 8, 10)
            found[one] = server.megabytes()
    return found


def main() -> None:
    """Parse, measure, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--servers", nargs="+", choices=KINDS, default=available())
    parser.add_argument("--rounds", type=int, default=3, help="single requests of each kind")
    parser.add_argument("--seconds", type=float, default=15, help="of eight clients at once; 0 leaves that out")
    parser.add_argument("--memory", action="store_true", help="measure four workers too, of the first case")
    parser.add_argument("--operations", action="store_true", help="measure what is done with masks, before the rest")
    parser.add_argument("--segments", metavar="STORE/sam/VERSION", type=Path, help="only measure a Segment Anything")
    parser.add_argument("--nucleus", action="store_true", help="only measure the store that speaks Nucleus")
    parser.add_argument("--commits", action="store_true", help="only measure matching and metrics of a large run")
    parser.add_argument("--recording", action="store_true", help="only measure what recording costs an answer")
    parser.add_argument("--workflows", action="store_true", help="only measure a workflow, against its steps by hand")
    parser.add_argument("--precision", action="store_true", help="only measure average precision, against pycocotools")
    parser.add_argument("--protocols", action="store_true", help="only compare the protocols of this server")
    parser.add_argument("--output", type=Path, default=Path("bench"))
    asked = parser.parse_args()
    if asked.segments:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for line in segments.measure(asked.segments.parent.parent, asked.segments.name, Path(folder)):
                print(line, flush=True)
        return
    alone = {"nucleus": nucleus, "commits": commits, "recording": recording, "workflows": workflows}
    for name, module in alone.items():
        if getattr(asked, name):
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                for line in module.measure(Path(folder)):
                    print(line, flush=True)
            return
    if asked.precision:
        for line in precision.measure():
            print(line, flush=True)
        return
    if asked.protocols:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for name in asked.cases:
                print(protocols.measure(cases.make(*CASES[name], Path(folder)), Path(folder)), flush=True)
        return
    asked.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cases": {},
    }
    if asked.operations:
        print(operations.measure(), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in asked.cases:
            found["cases"][name] = measure(name, asked.servers, asked.rounds, asked.seconds, Path(folder))
            print(report.table(name, found["cases"][name]), flush=True)
        if asked.memory:
            found["four_workers_mb"] = memory(asked.cases[0], asked.servers, Path(folder))
            print({one: round(value) for one, value in found["four_workers_mb"].items()})
    (asked.output / "bench.json").write_text(json.dumps(found, indent=1))
    report.chart(found, asked.output / "bench.png")
    ratios = [report.ratio(case, "json") for case in found["cases"].values()]
    print(f"JSON against {asked.servers[0]}: median {statistics.median(ratios):.2f} times as fast; {asked.output}/")


if __name__ == "__main__":
    main()
