"""python -m tests.walk: serve pictures with recording, send truth for some, serve them by another model, compare.

Once with SQLite and, where there is PostgreSQL, once with that; the fixture of its cluster is that of the tests.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import requests
from safetensors.numpy import load_file, save_file

from container.models.locate import EMBEDDED
from tests.clients.nucleus_clients import VERSIONS, run
from tests.conftest import ROOT, Server, launch
from tests.postgres import programs, started
from tests.walk import pictures
from tests.walk.pictures import Picture

DATASET = "production"
OPTIONS = {"confidence": 0.3, "masks": "none"}
AT_ONCE = 4
NOISE = 0.7  # in the last layers of the second model, as a share of their weights' spread
SPOILT = ("box_predictor.cls_score.weight", "box_predictor.bbox_pred.weight")
TRUTH_EVERY = 5


def other_model(folder: Path) -> str:
    """Write the embedded model with noise in its weights; return its name."""
    weights, random = load_file(EMBEDDED / "model.safetensors"), np.random.default_rng(1)
    for name in weights:
        if name.endswith(SPOILT):
            spread = NOISE * weights[name].astype(np.float32).std()
            weights[name] = (weights[name] + random.normal(0, spread, weights[name].shape)).astype(np.float16)
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    described = json.loads((EMBEDDED / "model.json").read_text()) | {"name": "noisy", "sha256": digest}
    (folder / "model.json").write_text(json.dumps(described))
    return "noisy"


@contextmanager
def serving(settings: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """A server with settings, which ends with the block."""
    server = launch(folder / "log", **settings)
    try:
        server.wait()
        yield server
    finally:
        if server.stop():
            print(server.log.read_text()[-2000:], file=sys.stderr)


def serve(server: Server, folder: Path, shown: list[Picture], plan: dict[str, Any]) -> dict[str, Any]:
    """Have pictures predicted, let Scale's client do its part, and return what it has read."""

    def ask(number: int) -> int:
        options = {**OPTIONS, "reference_id": f"picture {number}"}
        answer = requests.post(f"{server.url}/invocations", shown[number].data, params=options, timeout=120)
        answer.raise_for_status()
        return len(answer.json()["labels"])

    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        objects = sum(pool.map(ask, range(len(shown))))
    took = time.monotonic() - begun
    (folder / "plan.json").write_text(json.dumps({**plan, "pictures": len(shown), "objects": objects}))
    client = Path(__file__).with_name("client.py")
    read: dict[str, Any] = json.loads(run(VERSIONS[-1], server.url, folder, [client, folder / "plan.json"]))
    told = requests.get(f"{server.url}/metrics", timeout=30).text
    if lost := re.findall(r"^maskserve_unrecorded_answers_total\S* (?!0\.0).*", told, re.MULTILINE):
        raise RuntimeError(f"answers were not recorded: {lost}")
    figures = read["figures"]
    scores = {one["label"]: round(one["ap50"], 3) for one in figures["per_class"] if one["objects"]}
    print(f"{read['name']}: {len(shown)} pictures, {len(shown) / took:.1f} a second, {objects} objects recorded")
    print(f"  AP {figures['stats']['AP']:.3f}, AP50 by class {scores}, {figures['counts']}", flush=True)
    return read


def tool(settings: Mapping[str, str], *arguments: str) -> None:
    """Run a command on the store, and show what it prints."""
    command = [sys.executable, "-m", "container", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)
    print(f"$ python -m container {' '.join(arguments)}  # exit code {done.returncode}")
    print(done.stdout + done.stderr, flush=True)


def walk(address: str, shown: list[Picture], folder: Path) -> None:
    """Go the whole way with one database."""
    settings = {
        "MASKSERVE_STORE": str(folder / "store"),
        "MASKSERVE_STORE_DATABASE": address,
        "MASKSERVE_STORE_PREDICTIONS": DATASET,
    }
    truth = {f"picture {i}": shown[i].objects for i in range(0, len(shown), TRUTH_EVERY)}
    plan = {"dataset": DATASET, "model": "maskrcnn", "truth": truth}
    with serving(settings, folder) as server:
        first = serve(server, folder, shown, plan)
    model = other_model(folder / "noisy")
    with serving({**settings, "MASKSERVE_MODEL": str(folder / "noisy")}, folder) as server:
        second = serve(server, folder, shown, plan | {"model": model, "truth": {}})
    compared = ("--run", second["run"], "--baseline", first["run"])
    tool(settings, "store", "drift", *compared)
    tool(settings, "evaluate", "--dataset", DATASET, *compared)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of a new database, empty for SQLite."""
    with started() if kind == "PostgreSQL" else nullcontext() as cluster:
        yield cluster.address(cluster.database()) if cluster else ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.walk", description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=1000, help="default: 1000; a fifth gets truth")
    parser.add_argument("--databases", nargs="*", default=["SQLite", "PostgreSQL"], help="default: both")
    given = parser.parse_args()
    shown = [pictures.make(number) for number in range(given.pictures)]
    for kind in given.databases:
        if kind == "PostgreSQL" and programs() is None:
            print("skipped: no PostgreSQL")
            continue
        print(f"\n{kind}", flush=True)
        with database(kind) as address, tempfile.TemporaryDirectory() as folder:
            walk(address, shown, Path(folder))


if __name__ == "__main__":
    main()
