"""A process that tries graphs before the server loads them, so that no file harms more than that process.

A graph is a program. OpenVINO works parts of it out while it reads and compiles it: a few bytes may ask for any memory
and time, and a division of the least whole number by -1 ends the process.
"""

import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from container import memory
from container.errors import InsufficientMemory, ModelError

log = logging.getLogger(__name__)

# Bytes of address space besides eight times the files, and of computing seconds besides one for every SECOND_BYTES.
# Reading takes 250 MB and 0.2 s of a pair of 45 MB; all of it 1.1 GB and 3 s.
READING, RUNNING = (1 << 30, 10), (6 << 30, 60)
SECOND_BYTES = 4 << 20
MAX_WAIT = 600  # seconds, on a machine that has other things to do
NICE = 5  # requests go first

# Isolated from the environment and from the working folder.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from container.engines.graph_trial import main; main(*sys.argv[2:])"
)
_ROOT = Path(__file__).parent.parent.parent


def tried(reader: str, folder: Path, parameters: Mapping[str, Any], file_bytes: int, threads: int, bf16: bool) -> None:
    """Read, compile and run the graphs in `folder` once, in a process of its own.

    Raises ModelError with the reason, and InsufficientMemory if it takes more than there is here.

    Args:
        reader: the module of this package whose `graphs(folder, parameters, tell)` returns them by name.
        folder: with their files.
        parameters: of model.json, checked.
        file_bytes: of all files of the model.
        threads: of the CPU.
        bf16: whether bfloat16 is allowed.
    """
    arguments = (
        reader,
        str(folder),
        json.dumps(dict(parameters)),
        str(file_bytes),
        str(threads),
        "bf16" if bf16 else "",
    )
    # One malloc arena: each takes 64 MB of address space.
    environ = {**os.environ, "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _CODE, str(_ROOT), *arguments], env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=MAX_WAIT, check=False,
        )  # fmt: skip
        lines, code = done.stdout.splitlines(), done.returncode
    except subprocess.TimeoutExpired as late:
        lines, code = (late.stdout or b"").splitlines(), -signal.SIGXCPU
    said = {key: value for line in lines for key, value in json.loads(line).items()}
    if "cause" in said:
        log.warning("%s", said["cause"])
    if "refused" in said:
        raise ModelError(said["refused"])
    if "peak" not in said:
        raise ModelError(f"{said.get('at', 'the model')} cannot be used: its trial {_ended(code)}")
    if said["peak"] > (free := memory.available()):
        raise InsufficientMemory(
            f"the model takes about {said['peak'] / 1e6:.0f} MB, and {free / 1e6:.0f} are free",
            hint="unload other models first",
        )
    log.info("graphs took %d MB in their trial", said["peak"] >> 20)


def _ended(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "takes far more time than its size lets expect"
    if code == -signal.SIGKILL:
        return "took all memory of this machine"
    return f"ended the process with {code}"


def main(reader: str, folder: str, parameters: str, file_bytes: str, threads: str, precision: str) -> None:
    """Try graphs, and print lines of JSON: {"at": file name}, then {"peak": bytes} or {"refused": reason}."""
    os.nice(NICE)
    with suppress(OSError):  # the kernel ends this process first, where memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000")
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # what libraries print is not ours
        at = ""

        def tell(name: str) -> None:
            nonlocal at
            at = name
            print(json.dumps({"at": name}), file=out, flush=True)

        try:
            _try(reader, Path(folder), json.loads(parameters), int(file_bytes), int(threads), bool(precision), tell)
            said: dict[str, Any] = {"peak": _peak()}
        except ModelError as error:
            said = {"refused": str(error)}
        except Exception as error:  # whatever OpenVINO raises for a graph
            print(json.dumps({"cause": traceback.format_exc()[-3000:]}), file=out)
            reason = "takes far more memory than its size lets expect" if memory.lacking(error) else "fails"
            said = {"refused": f"{at} cannot be used: its trial {reason}"}
        print(json.dumps(said), file=out, flush=True)
    os._exit(0)  # without freeing what was read


def _try(
    reader: str,
    folder: Path,
    values: Mapping[str, Any],
    file_bytes: int,
    threads: int,
    bf16: bool,
    tell: Callable[[str], None],
) -> None:
    _limit(file_bytes, *READING)
    from container.engines import onnx_graphs  # OpenVINO, within the limits
    from container.engines.openvino_core import compiled, inferred

    graphs = importlib.import_module(f"container.engines.{reader}").graphs(folder, values, tell)
    for name, graph in graphs.items():
        tell(name)
        onnx_graphs.check(onnx_graphs.largest(graph), name, file_bytes)
    _limit(file_bytes, *RUNNING)
    for name, graph in graphs.items():
        tell(name)
        found = inferred(compiled(graph, threads, bf16), onnx_graphs.example(graph))
        if not all(np.isfinite(one).all() for one in found):
            raise ModelError(f"{name} makes numbers that are not finite")


def _peak() -> int:
    """Return the peak of this process's memory in bytes; 0 where the system does not tell."""
    with suppress(OSError):  # getrusage's figure is that of the process which has started this one, if that is larger
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
    return 0


def _limit(file_bytes: int, most_memory: int, most_seconds: int) -> None:
    limits = {
        resource.RLIMIT_AS: 8 * file_bytes + most_memory,
        resource.RLIMIT_CPU: most_seconds + file_bytes // SECOND_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        _, hard = resource.getrlimit(limit)
        with suppress(ValueError, OSError):  # macOS has no limit of memory
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
