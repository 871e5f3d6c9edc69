"""Figures as a Markdown table and as a chart."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from tests.bench.load import spread

KINDS = ("json", "rle", "png", "jpeg")


def ratio(case: dict[str, Any], kind: str, server: str = "maskserve") -> float:
    """How many times as fast as the first server of the case a server answers."""
    first = next(iter(case["servers"].values()))
    return statistics.median(first[kind]) / statistics.median(case["servers"][server][kind])


def table(name: str, case: dict[str, Any]) -> str:
    """One row a figure, one column a server; times the first server's speed where that has a meaning."""
    servers = case["servers"]
    rows = [[f"{name}: {case['model']}, {case['size']}, {case['detections']} found", *servers]]
    for kind in (kind for kind in KINDS if kind in next(iter(servers.values()))):
        cells = [f"{spread(one[kind])} ms, {ratio(case, kind, server):.2f}×" for server, one in servers.items()]
        rows.append([f"{kind}, one client", *cells])
    if all("crowd" in one for one in servers.values()):
        first = next(iter(servers.values()))["crowd"]["per_second"]
        crowds = [one["crowd"] for one in servers.values()]
        rows.append(["8 clients", *(f"{c['per_second']:.2f} /s, {c['per_second'] / first:.2f}×" for c in crowds)])
        rows.append(["CPU a request", *(f"{c['cpu_ms']:.0f} ms" for c in crowds)])
        pings = [" / ".join(f"{one[f'ping_{which}']:.0f}" for which in ("p50", "p99", "max")) for one in crowds]
        rows.append(["/ping p50 / p99 / max", *(f"{one} ms" for one in pings)])
    rows.append(["start to first 200", *(f"{one['start_s']:.1f} s" for one in servers.values())])
    rows.append(["memory, one worker", *(f"{one['memory_mb']:.0f} MB" for one in servers.values())])
    stages = [", ".join(f"{name} {ms:.1f}" for name, ms in one["stages_ms"].items()) for one in servers.values()]
    rows.append(["stages, ms", *stages])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:], ""])


def chart(found: dict[str, Any], path: Path) -> None:
    """Bars of single JSON requests by case, relative to the first server."""
    cases = found["cases"]
    servers = list(next(iter(cases.values()))["servers"])
    figure, axes = plt.subplots(figsize=(1.6 * len(cases) + 3, 4), layout="constrained")
    width = 0.8 / len(servers)
    for i, server in enumerate(servers):
        heights = [ratio(case, "json", server) for case in cases.values()]
        places = [j + i * width for j in range(len(cases))]
        bars = axes.bar(places, heights, width, label=server)
        axes.bar_label(bars, [f"{height:.1f}" for height in heights], fontsize=8)
    axes.set_xticks([j + 0.4 - width / 2 for j in range(len(cases))], list(cases))
    axes.set_ylabel(f"speed, {servers[0]} = 1")
    axes.set_title(f"JSON, one client: {found['machine']}, torch {found['torch']}, {found['date']}", fontsize=10)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
