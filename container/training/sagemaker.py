"""SageMaker's training contract: where it puts what a run needs, and where it looks for what a run made.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container.errors import DataError


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes; the README says what lies where on SageMaker."""

    train: Path
    validation: Path | None
    model: Path
    output: Path
    checkpoints: Path


_CHANNELS = {"train": ("train", "training"), "validation": ("validation", "val", "test")}


def places(base: Path) -> Places:
    """The folders of a run below `base`, /opt/ml; DataError where there is no training channel."""
    inputs = base / "input/data"
    found = {use: [inputs / name for name in names if (inputs / name).is_dir()] for use, names in _CHANNELS.items()}
    if not found["train"]:
        raise DataError(f"no channel {' or '.join(_CHANNELS['train'])} in {inputs}; or name a folder with --data")
    return Places(
        train=found["train"][0],
        validation=next(iter(found["validation"]), None),
        model=base / "model",
        output=base / "output",
        checkpoints=base / "checkpoints",
    )


def hyperparameters(base: Path) -> dict[str, str]:
    """The strings of hyperparameters.json; none where there is no such file."""
    values = _json(base / "input/config/hyperparameters.json")
    return {str(name): str(value) for name, value in values.items()}


def torchrun(base: Path, gpus: int, arguments: list[str]) -> list[str]:
    """The command that runs `train` with these arguments for every GPU of every instance; none for a single one."""
    cluster = _json(base / "input/config/resourceconfig.json")
    hosts = sorted(str(host) for host in cluster.get("hosts", ["localhost"]))
    if len(hosts) * gpus <= 1:
        return []
    where = ["--standalone"]
    if len(hosts) > 1:
        number = hosts.index(str(cluster["current_host"]))
        where = [f"--nnodes={len(hosts)}", f"--node-rank={number}", f"--master-addr={hosts[0]}", "--master-port=7777"]
    return [
        *(sys.executable, "-m", "torch.distributed.run", *where, f"--nproc-per-node={max(1, gpus)}"),
        *("-m", "container", "train", *arguments),
    ]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable JSON") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: not a JSON object")
    return value
