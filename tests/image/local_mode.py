"""SageMaker's Python SDK in its local mode: deploy, predict, delete, and a batch transform, with the image under test.

The SDK calls `docker` and `docker compose` (or `docker-compose`); Podman serves both on a socket that speaks Docker's
API. The SDK has an environment of its own, .venv/sdk, since it pins much that the server needs in other versions.
"""

import json
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container.check.container_engine import Engine
from container.check.processes import free_port
from tests.image.containers import TAG, check
from tests.image.engine import ROOT

PYTHON = ROOT / ".venv" / "sdk" / "bin" / "python"
EMBEDDED = ROOT / "container" / "models" / "embedded"
NETWORK = "sagemaker-local"  # which the SDK makes
SECONDS = 240

# Neither the SDK's telemetry nor anything of AWS is reached.
SETTINGS = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
}


def check_local_mode(engine: Engine, photo: bytes) -> None:
    """What a user of the SDK does before there is an AWS account."""
    if reason := _missing():
        print(f"skipped  SageMaker SDK local mode: {reason}")
        return
    with tempfile.TemporaryDirectory() as name, _docker_socket(engine, Path(name)) as environ:
        folder = Path(name)
        _lay_out(folder, photo)
        (folder / "config.yaml").write_text(SETTINGS)
        settings = {f"SAGEMAKER_{whose}_CONFIG_OVERRIDE": f"{folder}/config.yaml" for whose in ("ADMIN", "USER")}
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("sdk_client.py"), TAG, str(free_port()), folder],
            env={**os.environ, **ENVIRON, **settings, **environ},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        _remove_leftovers(engine)
    said = (done.stdout + done.stderr).decode(errors="replace")
    check("SageMaker SDK local mode", done.returncode == 0, said[-4000:])
    if done.returncode:
        return
    seen = json.loads(done.stdout.splitlines()[-1])
    check(
        "  no telemetry",
        "Applied value from config key = SageMaker.PythonSDK.Modules.TelemetryOptOut" in said,
        said[-4000:],
    )
    print(f"figure: deploy(instance_type='local') {seen['deploy seconds']:.0f} s")
    check("  predict JPEG → JSON", _person(seen["json"]), str(seen["json"]))
    check("  predict JPEG → PNG", bytes.fromhex(seen["png"])[16:24] == struct.pack(">II", 512, 512), seen["png"])
    outputs = seen["outputs"]
    right = set(outputs) == {"a.jpg.out", "b.jpg.out"} and all(map(_person, outputs.values()))
    check("  batch transform writes one .out a photo", right, str(outputs))


def _missing() -> str:
    """What local mode needs and this machine does not have, or ""."""
    if not PYTHON.exists():
        return "the SDK is not installed; `make image-test` does that"
    if not shutil.which("docker") and not shutil.which("podman"):
        return "neither docker nor podman is a command here"
    compose = subprocess.run(["docker", "compose", "version"], capture_output=True) if shutil.which("docker") else None
    if not shutil.which("docker-compose") and (compose is None or compose.returncode):
        return "neither `docker compose` nor docker-compose is installed (Debian: apt-get install docker-compose)"
    return ""


def _lay_out(folder: Path, photo: bytes) -> None:
    """model.tar.gz alone in a folder, which the SDK unpacks there and mounts, and photos for the batch."""
    (folder / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / "photos" / name).write_bytes(photo)
    (folder / "model").mkdir()
    folder.chmod(0o755)
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as tar:
        for name in ("model.json", "model.safetensors"):
            tar.add(EMBEDDED / name, name)


@contextmanager
def _docker_socket(engine: Engine, folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which `docker` reaches `engine`."""
    if engine.name == "docker":
        yield {}
        return
    socket = folder / "podman.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time=0", f"unix://{socket}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 10
        while not socket.exists() and time.monotonic() < until:
            time.sleep(0.1)
        environ = {"DOCKER_HOST": f"unix://{socket}"}
        if not shutil.which("docker"):
            (folder / "bin").mkdir()
            (folder / "bin" / "docker").symlink_to(str(shutil.which("podman")))
            environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
        yield environ
    finally:
        service.terminate()
        service.wait()


def _remove_leftovers(engine: Engine) -> None:
    """delete_endpoint stops the container and leaves it and the network."""
    left = engine.text("ps", "-aq", "--filter", f"network={NETWORK}", "--filter", f"ancestor={TAG}").split()
    if left:
        engine("rm", "-f", *left)
    engine("network", "rm", NETWORK, check=False)


def _person(answer: object) -> bool:
    return isinstance(answer, dict) and any(label.startswith("person ") for label in answer["labels"])
