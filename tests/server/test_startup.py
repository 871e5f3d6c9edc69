"""A model that cannot be loaded ends the server: soon, in one line, never healthy, and not over and over again."""

import errno
import hashlib
import json
import os
import pickle
import re
import signal
import socket
import tarfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torchvision

from container.server import listening
from container.server.startup import DEATHS
from tests.bomb import Bomb
from tests.conftest import ROOT, Server, StartServer

SMALL = "lraspp_mobilenet_v3_large"
LABELS = ["background", "cat", "dog"]
BIAS = "classifier.high_classifier.bias"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return torchvision.models.get_model(SMALL, weights=None, weights_backbone=None, num_classes=3).state_dict()


def write(folder: Path, weights: bytes, **described: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    description = {"architecture": SMALL, "labels": LABELS, "weights": "model.safetensors", **described}
    (folder / "model.json").write_text(json.dumps(description))


def ends(server: Server, seconds: float = 60) -> str:
    """The one line that a server says which ends by itself, with an error, and was at no time healthy."""
    end = time.monotonic() + seconds
    while server.process.poll() is None:
        assert server.ping() in (0, 503)
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.02)
    assert server.process.returncode == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(server.process.pid, 0)  # no child is left
    said = server.log.read_text()
    assert "Traceback" not in said, said[-3000:]
    (reason,) = re.findall("^maskserve: (.*)$", said, re.MULTILINE)  # once, however many workers there are
    return str(reason)


def seconds_since_the_load_failed(server: Server) -> float:
    """By the log's first line that says so."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    failed = next(line["time"] for line in lines if "cannot be loaded" in line["message"])
    return time.time() - datetime.fromisoformat(failed).timestamp()


def workers(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


Spoil = Callable[[dict[str, torch.Tensor], Path], tuple[bytes, dict[str, Any]]]
save = safetensors.torch.save


def packed(state: dict[str, torch.Tensor]) -> tuple[bytes, dict[str, Any]]:
    """Weights, and what `pack` says of them."""
    return save(state), {"sha256": hashlib.sha256(save(state)).hexdigest()}


FAULTS: dict[str, tuple[Spoil, str]] = {
    "a class too many": (lambda s, _: (save(s), {"labels": [*LABELS, "horse"]}), "do the labels name every class"),
    "keys missing": (lambda s, _: (save({k: v for k, v in s.items() if k != BIAS}), {}), "1 tensors are missing"),
    "cut at 10 %": (lambda s, _: (save(s)[: len(save(s)) // 10], {}), "cannot be read"),
    "cut at 50 %": (lambda s, _: (save(s)[: len(save(s)) // 2], {}), "cannot be read"),
    "cut at 99 %": (lambda s, _: (save(s)[: len(save(s)) * 99 // 100], {}), "cannot be read"),
    "one byte": (lambda s, _: (flipped(packed(s)[0], 5_000_000), packed(s)[1]), "not those that were packed"),
    "no bytes": (lambda s, _: (b"", {}), "cannot be read"),
    "zeros": (lambda s, _: (bytes(100_000), {}), "cannot be read"),
    "pickled code": (lambda s, path: (pickle.dumps(Bomb(path)), {}), "over 4 MB|cannot be read"),
    "NaN": (lambda s, _: (save(s | {BIAS: torch.full((3,), float("nan"))}), {}), "not finite, first in"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_model_that_cannot_be_loaded_ends_the_server(
    spoil: Spoil, reason: str, state: dict[str, torch.Tensor], tmp_path: Path, start_server: StartServer
) -> None:
    weights, described = spoil(state, tmp_path / "marker")
    write(tmp_path / "model", weights, **described)
    server = start_server(str(ROOT / "serve"), SAGEMAKER_BASE_DIR=str(tmp_path))
    said = ends(server)
    assert seconds_since_the_load_failed(server) < 10
    assert re.search(reason, said)
    assert (tmp_path / "output/failure").read_text() == said
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "'model' holds no model.json"),
        (["model.safetensors"], "'model' holds no model.json"),
        (["model.json"], "model.json of 'model' is not readable JSON"),
    ],
    ids=["empty", "no description", "empty description"],
)
def test_what_is_plainly_no_model_ends_the_server_at_once(
    files: list[str], reason: str, tmp_path: Path, start_server: StartServer
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    begun = time.monotonic()
    said = ends(start_server(SAGEMAKER_BASE_DIR=str(tmp_path), MASKSERVE_MODEL=str(folder)))
    assert time.monotonic() - begun < 10
    assert reason in said and (tmp_path / "output/failure").read_text() == said


@pytest.mark.parametrize(
    ("workflow", "reason"),
    [
        ("{", "it is no JSON: line 1, column 2"),
        ('{"steps": []}', "the specification lacks version, inputs, outputs"),
        (
            '{"version": "1.0", "inputs": [], "steps": [], "outputs": []}',
            "0 of its inputs are pictures, and an invocation has one",
        ),
        (
            '{"version": "1.0", "inputs": [], "steps": [{"type": "unheard_of", "name": "a"}], "outputs": []}',
            "a: type is 'unheard_of'; it takes one of ",
        ),
    ],
)
def test_a_workflow_that_cannot_be_invoked_ends_the_server_at_once(
    workflow: str, reason: str, tmp_path: Path, start_server: StartServer
) -> None:
    write(tmp_path / "model", b"weights")
    (tmp_path / "model/workflow.json").write_text(workflow)
    begun = time.monotonic()
    said = ends(start_server(SAGEMAKER_BASE_DIR=str(tmp_path), MASKSERVE_MODEL=""))
    assert time.monotonic() - begun < 10
    assert said.startswith(f"workflow.json of 'model': {reason}")
    assert said.startswith((tmp_path / "output/failure").read_text())  # which has a limit


@pytest.mark.slow
def test_a_workflow_in_an_archive_that_cannot_be_invoked_ends_the_server(
    tmp_path: Path, start_server: StartServer
) -> None:
    write(tmp_path / "cats", b"weights")
    (tmp_path / "cats/workflow.json").write_text("[]")
    with tarfile.open(tmp_path / "cats.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "cats", ".")
    said = ends(start_server(MASKSERVE_MODEL=str(tmp_path / "cats.tar.gz")))
    assert said.startswith("workflow.json of 'cats': the specification is []; it takes an object")


@pytest.mark.slow
def test_an_archive_that_leads_out_of_its_folder_ends_the_server(tmp_path: Path, start_server: StartServer) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        for name in ("model.json", "../../outside.pth"):
            tar.addfile(tarfile.TarInfo(name))
    said = ends(start_server(MASKSERVE_MODEL=str(tmp_path / "model.tar.gz"), TMPDIR=str(tmp_path)))
    assert "leads out of it" in said
    assert [path.name for path in tmp_path.rglob("*")] == ["model.tar.gz"]


@pytest.mark.parametrize("count", [1, 3])
def test_workers_that_fail_together_say_it_once(
    count: int, tmp_path: Path, start_slow_server: Callable[..., Server]
) -> None:
    (tmp_path / "model").mkdir()
    server = start_slow_server(
        0,
        MASKSERVE_TEST_LOAD="1",
        MASKSERVE_TEST_FAIL="the weights\nare damaged",
        SAGEMAKER_MODEL_SERVER_WORKERS=str(count),
        SAGEMAKER_BASE_DIR=str(tmp_path),
    )
    assert ends(server) == "the weights are damaged"
    assert seconds_since_the_load_failed(server) < 10
    assert (tmp_path / "output/failure").read_text() == "the weights are damaged"


def test_slow_clients_do_not_hold_up_the_end(tmp_path: Path, start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_LOAD="2", MASKSERVE_TEST_FAIL="the weights are damaged")
    server.wait(503, 20)
    half = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(20)]
    for client in clients:
        client.sendall(half)
    assert ends(server) == "the weights are damaged"
    assert seconds_since_the_load_failed(server) < 10
    for client in clients:
        client.close()


@pytest.mark.slow
def test_a_worker_that_cannot_load_what_another_had_loaded_ends_the_server(
    state: dict[str, torch.Tensor], tmp_path: Path, start_server: StartServer
) -> None:
    write(tmp_path / "model", save(state))
    server = start_server(SAGEMAKER_BASE_DIR=str(tmp_path))
    server.wait()
    (tmp_path / "cut").write_bytes(save(state)[:1000])
    (tmp_path / "cut").replace(tmp_path / "model/model.safetensors")
    os.kill(workers(server)[0], signal.SIGKILL)
    while server.ping() == 200:  # answered before the signal came
        time.sleep(0.01)
    assert "cannot be read" in ends(server)


def test_workers_that_die_while_loading_are_not_replaced_for_ever(
    tmp_path: Path, start_slow_server: Callable[..., Server]
) -> None:
    """As those do that the system kills for the memory which the model takes."""
    (tmp_path / "model").mkdir()
    server = start_slow_server(0, MASKSERVE_TEST_LOAD="60", SAGEMAKER_BASE_DIR=str(tmp_path))
    last: list[int] = []
    for _ in range(DEATHS):
        server.wait(503, 20)
        while (found := workers(server)) in ([], last):
            time.sleep(0.01)
        last = found
        os.kill(found[0], signal.SIGKILL)
    assert "5 processes in a row ended" in ends(server)
    assert "is there memory for it?" in (tmp_path / "output/failure").read_text()


def test_sigterm_while_all_workers_load_is_no_failure(tmp_path: Path, start_slow_server: Callable[..., Server]) -> None:
    (tmp_path / "model").mkdir()
    server = start_slow_server(
        0, MASKSERVE_TEST_LOAD="60", SAGEMAKER_MODEL_SERVER_WORKERS="6", SAGEMAKER_BASE_DIR=str(tmp_path)
    )
    server.wait(503, 20)
    assert server.stop() == 0
    assert "maskserve:" not in server.log.read_text() and not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        (
            {"MASKSERVE_HOST": "192.0.2.7"},
            r"host '192.0.2.7' cannot be listened on \(Cannot assign",
        ),
        ({"MASKSERVE_HOST": "no.such.host.invalid"}, r"'no.such.host.invalid' cannot be listened on \(no host of that"),
        ({"MASKSERVE_DEVICE": "cuda:999"}, "device 'cuda:999' was asked for, and there"),
        ({"MASKSERVE_PRECISION": "fp16"}, "precision fp16 needs a CUDA device"),
        ({"MASKSERVE_MODEL": "maskrcnn_resnet50"}, "the nearest are maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2"),
        ({"MASKSERVE_MODEL": "w.pth"}, "'w.pth': no such file"),
        ({"MASKSERVE_MODEL": str(ROOT / "README.md")}, "'README.md' is not a whole .tar.gz of a model; a"),
        ({"MASKSERVE_MODEL": SMALL, "MASKSERVE_WEIGHTS": "/none/w.pth"}, "weights 'w.pth' cannot be read: No such"),
        ({"MASKSERVE_MODEL": SMALL, "MASKSERVE_WEIGHTS": "COCO_V9"}, "has no weights 'COCO_V9'; it has: COCO"),
        ({"MASKSERVE_MODEL": SMALL, "MASKSERVE_WEIGHTS": str(ROOT / "tests")}, "weights 'tests' are a folder"),
        ({"MASKSERVE_WEIGHTS": "w.pth"}, "weights 'w.pth' go with an architecture, and the model is not named"),
    ],
)
def test_what_cannot_work_is_said_in_one_line_and_nothing_else(
    environ: dict[str, str], reason: str, start_server: StartServer
) -> None:
    server = start_server(**environ)
    assert re.search(reason, ends(server))
    assert server.log.read_text().count("\n") == 1


def test_weights_as_the_model_are_told_with_what_to_type(tmp_path: Path, start_server: StartServer) -> None:
    (tmp_path / "x.pth").write_bytes(b"any")
    said = ends(start_server(MASKSERVE_MODEL=str(tmp_path / "x.pth")))
    assert "--model ARCHITECTURE --weights x.pth" in said


def test_a_port_in_use_is_told_with_its_process(start_server: StartServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = start_server(SAGEMAKER_BIND_TO_PORT=str(port))
        assert server.process.wait(20) == 1
    said = server.log.read_text()
    assert re.fullmatch(
        rf"maskserve: port {port} is in use by .+ \(process {os.getpid()}\): stop that, .*--port.*\n", said
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "port 80 may not be opened by this user: choose one from"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign"), "host 'h' cannot be listened on (Cannot assign): name an"),
        (UnicodeError("label too long"), "host 'h' cannot be listened on (no host of that name)"),
    ],
)
def test_why_an_address_cannot_be_bound(error: OSError | UnicodeError, reason: str) -> None:
    assert listening.explain(error, "h", 80).startswith(reason)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "[::1]"])
def test_addresses_of_this_machine_can_be_listened_on(host: str) -> None:
    if ":" in host and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    assert listening.obstacle(host, 0) == ""
