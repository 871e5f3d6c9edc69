"""`serve` as an operator sees it: a process with a port, health, signals and an exit code."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server, StartServer

StartSlow = Callable[..., Server]


def post(server: Server, body: bytes, answers: list[tuple[int, bytes]], timeout: float = 40) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    connection.request("POST", "/invocations", body)
    response = connection.getresponse()
    answers.append((response.status, response.read()))
    connection.close()


def in_background(
    server: Server, body: bytes, count: int = 1
) -> tuple[list[threading.Thread], list[tuple[int, bytes]]]:
    answers: list[tuple[int, bytes]] = []
    threads = [threading.Thread(target=post, args=(server, body, answers)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


@pytest.mark.alone
def test_the_port_is_open_while_the_model_loads(start_slow_server: StartSlow, small_png: bytes) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_LOAD="3")
    server.wait(503, 10)
    for _ in range(5):
        begun = time.monotonic()
        socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        assert time.monotonic() - begun < 0.25
    answers: list[tuple[int, bytes]] = []
    post(server, small_png, answers)
    assert answers[0][0] == 503 and b"still being loaded" in answers[0][1]
    server.wait(200, 10)
    post(server, small_png, answers)
    assert answers[1][0] == 200
    assert server.stop() == 0


@pytest.mark.alone
@pytest.mark.parametrize(("seconds", "clients"), [(0.5, 8), (0.1, 120)])
def test_ping_never_waits_for_inference(
    seconds: float, clients: int, start_slow_server: StartSlow, small_png: bytes
) -> None:
    server = start_slow_server(seconds)
    server.wait()
    threads, answers = in_background(server, small_png, clients)
    time.sleep(0.2)
    times = []
    for _ in range(20):
        begun = time.monotonic()
        assert server.ping() == 200
        times.append(time.monotonic() - begun)
    assert any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    statuses = [status for status, _ in answers]
    assert len(statuses) == clients and set(statuses) <= {200, 503}
    assert statuses.count(200) >= min(clients, 65)  # the queue holds 64, whatever the number of clients
    assert sorted(times)[10] < 0.1, times
    assert server.stop() == 0


def test_sigterm_finishes_what_is_in_flight(start_slow_server: StartSlow, small_png: bytes) -> None:
    server = start_slow_server(10)
    server.wait()
    threads, answers = in_background(server, small_png)
    time.sleep(0.5)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.4)
    assert server.ping() == 503  # still answered, so that a load balancer sees it
    server.process.send_signal(signal.SIGTERM)  # a second one is harmless
    assert server.process.wait(30) == 0
    assert 8 < time.monotonic() - begun < 30
    threads[0].join(5)
    assert answers[0][0] == 200
    with pytest.raises(ProcessLookupError):
        os.killpg(server.process.pid, 0)  # no child is left


@pytest.mark.alone
def test_sigterm_under_load_loses_nothing(start_slow_server: StartSlow, small_png: bytes) -> None:
    server = start_slow_server(0.05)
    server.wait()
    lost, answered, stop = [], [], threading.Event()

    def client() -> None:
        while not stop.is_set():
            answers: list[tuple[int, bytes]] = []
            try:
                post(server, small_png, answers)
                answered.append(answers[0][0])
            except ConnectionRefusedError:
                return  # the port is closed: nothing was accepted
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
                return

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answered) <= {200, 503} and answered.count(200) > 10
    assert len(lost) <= 1, lost  # a connection that the kernel takes between the last accept and the close


@pytest.mark.alone
def test_overload_is_refused_at_once(start_slow_server: StartSlow, small_png: bytes) -> None:
    server = start_slow_server(0.5, MASKSERVE_QUEUE_SIZE="2")
    server.wait()
    threads, answers = in_background(server, small_png, 8)
    time.sleep(0.3)
    hasty: list[tuple[int, bytes]] = []
    post(server, b"no picture", hasty)
    assert hasty[0][0] == 503  # what would be refused is not even decoded
    for thread in threads:
        thread.join()
    statuses = sorted(status for status, _ in answers)
    assert statuses.count(200) in (3, 4) and set(statuses) == {200, 503}
    assert server.ping() == 200
    assert server.stop() == 0


def test_workers_share_the_metrics(start_slow_server: StartSlow, small_png: bytes) -> None:
    server = start_slow_server(0, SAGEMAKER_MODEL_SERVER_WORKERS="2", MASKSERVE_TEST_LOAD="1")
    server.wait()
    answers: list[tuple[int, bytes]] = []
    for _ in range(12):
        post(server, small_png, answers)
    assert [status for status, _ in answers] == [200] * 12
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read()
    assert b'maskserve_requests_total{route="/invocations",status="200"} 12.0' in text
    assert b'maskserve_stage_seconds_count{model="fake",stage="inference"} 12.0' in text
    assert b'maskserve_queue_depth{model="fake"} 0.0' in text and b"_created" not in text
    assert re.search(rb'maskserve_info\{device="",model="fake",version="[0-9.]+"\} 1.0', text)
    connection.close()
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "x"}, "SAGEMAKER_BIND_TO_PORT is 'x'; it takes a whole number"),
        ({"MASKSERVE_MODEL": "no/such/folder"}, "model 'folder': no such file or folder"),
        ({"MASKSERVE_MODEL": "maskrcnn_resnet50_fpn"}, "needs weights: name them"),
        ({"MASKSERVE_DEFAULT_ATTRIBUTES": "{"}, "looks like JSON and is not"),
        ({"MASKSERVE_DEFAULT_ATTRIBUTES": '{"colour": 1}'}, "not 'colour'"),
        ({"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/html"}, "it takes application/json, image/jpeg, image/png"),
        ({"MASKSERVE_URL_HOSTS": "https://a"}, "maskserve: MASKSERVE_URL_HOSTS: url_hosts holds 'https://a'"),
        ({"MASKSERVE_INVOKE_WORKFLOW": "none"}, "INVOKE_WORKFLOW is 'none': there is no workflow 'none'; there are:"),
        ({"SAGEMAKER_MULTI_MODEL": "true", "MASKSERVE_ASYNC_OUTPUT": "s3://results"}, "take no asynchronous requests"),
    ],
)
def test_what_cannot_be_served_ends_in_one_line(
    environ: dict[str, str], reason: str, start_server: StartServer
) -> None:
    server = start_server(**environ)
    assert server.process.wait(20) in (1, 2)
    said = server.log.read_text()
    assert reason in said and "Traceback" not in said


def test_the_real_server_prints_where_it_is(server: Server) -> None:
    said = server.log.read_text()
    assert f"Maskserve listens on {server.url}" in said and "curl --data-binary @photo.jpg" in said
    assert "running on cpu" in said and "torch 2." in said
    assert "maskrcnn_mobilenet_v2_fpn) is ready after" in said


def test_the_script_starts_the_same_from_anywhere(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(str(ROOT / "serve"), "--model", "default")
    server.wait()
    command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    # The shell has gone; this is gunicorn's master.
    assert b"python" in command and b"sh\0" not in command.split(b"\0")[0]
    assert server.stop() == 0


def test_exec_form_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "container", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(command in done.stdout for command in ("serve", "predict", "pack", "models"))


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.35])
def test_sigterm_at_any_moment_of_the_start(delay: float, start_server: StartServer) -> None:
    server = start_server()
    time.sleep(delay)
    code = server.stop()
    assert code in (0, -signal.SIGTERM), server.log.read_text()  # before gunicorn is there, the signal itself ends it
    assert "Traceback" not in server.log.read_text()


def test_a_refused_server_leaves_no_folder(start_server: StartServer, tmp_path: Path) -> None:
    settings = {"SAGEMAKER_MULTI_MODEL": "true", "MASKSERVE_ASYNC_OUTPUT": "s3://bucket/key", "TMPDIR": str(tmp_path)}
    server = start_server(**settings)
    assert server.process.wait(20) == 1 and "multi-model endpoints take no asynchronous" in server.log.read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="this system has no IPv6")
@pytest.mark.parametrize(
    ("host", "reached"),
    [("::", {"::1", "127.0.0.1"}), ("::1", {"::1"}), ("[::1]", {"::1"}), ("127.0.0.1", {"127.0.0.1"})],
)
def test_addresses_of_both_families(host: str, reached: set[str], start_slow_server: StartSlow) -> None:
    server = start_slow_server(0, MASKSERVE_HOST=host)
    address = "::1" if "::1" in reached else "127.0.0.1"
    end = time.monotonic() + 30
    while not _answers(address, server.port):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert {one for one in ("::1", "127.0.0.1") if _answers(one, server.port)} == reached
    assert server.stop() == 0


def _answers(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
