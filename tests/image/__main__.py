"""Builds the image, runs it under the conditions of SageMaker and harder ones, and prints one line a check.

make image-test
python -m tests.image --no-build        check the image of the last build again
"""

import argparse
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from container.check.container_engine import Engine, Unavailable
from tests.image.confinement import check_confinement
from tests.image.containers import (
    TAG,
    ask,
    check,
    check_exit,
    failures,
    is_healthy,
    running,
    wait,
)
from tests.image.engine import ROOT, find
from tests.image.local_mode import check_local_mode
from tests.training.folders import write_channels

BROKEN = f"{TAG}-broken"

# Runs inside: memory of all processes in MB, shared pages counted once.
MEMORY = """
import glob, re
texts = []
for path in glob.glob("/proc/[0-9]*/smaps_rollup"):
    try:
        texts.append(open(path).read())
    except OSError:
        pass  # gone already
print(sum(int(re.search(r"^Pss: +(\\d+)", text, re.M)[1]) for text in texts) // 1024)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-build", action="store_true", help="check the image of the last build")
    args = parser.parse_args()
    try:
        engine = find()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    print(f"engine: {engine.text('--version')}")
    if not args.no_build:
        started = time.monotonic()
        engine.build(TAG, *(f"--build-arg={name}={os.environ.get(name, 'unknown')}" for name in ("VERSION", "GIT_SHA")))
        print(f"figure: build {time.monotonic() - started:.0f} s")

    photo = jpeg(skimage.data.astronaut())
    check_image(engine)
    check_serving(engine, photo)
    check_confinement(engine, photo)
    check_other_starts(engine, photo)
    check_model_folder(engine, photo)
    check_training(engine, photo)
    check_contract(engine)
    check_local_mode(engine, photo)
    print(f"{len(failures)} failed" if failures else "all passed")
    return 1 if failures else 0


def check_image(engine: Engine) -> None:
    """What the image says about itself, and that its first argument is a command."""
    config = json.loads(engine.text("image", "inspect", TAG))[0]["Config"]
    check("exec form", config["Entrypoint"] == ["python", "-m", "container"] and config["Cmd"] == ["serve"])
    check("not root by default", config["User"].split(":")[0] not in ("", "0", "root"), config["User"])
    for word in ("serve", "check", "predict", "train", "evaluate", "pack"):
        done = engine("run", "--rm", "--network", "none", TAG, word, "--help", check=False)
        reached = done.returncode == 0 and word in done.stdout.decode()
        check(f"{word} reaches its command", reached, done.stderr.decode())


def check_serving(engine: Engine, photo: bytes) -> None:
    """`docker run IMAGE serve`: no network, nothing writable but /tmp, no capabilities."""
    started = time.monotonic()
    with running(engine, "--network", "none", command=["serve"]) as name:
        seen = wait(engine, name)
        print(f"figure: first /ping 200 after {time.monotonic() - started:.1f} s ({' '.join(seen)})")
        check("ready", seen[-1] == "200", " ".join(seen))

        status, kind, body = ask(engine, name, photo, "application/json")
        check("JSON", (status, kind) == (200, "application/json"), f"{status} {kind} {body[:300]!r}")
        labels = json.loads(body)["labels"] if status == 200 else []
        check("a person is found", any(label.startswith("person ") for label in labels), str(labels))

        status, kind, body = ask(engine, name, photo, "image/png")
        check("PNG", (status, kind, body[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n"), f"{status} {kind}")
        check("PNG as large as the photo", body[16:24] == struct.pack(">II", 512, 512))

        check("health check", is_healthy(engine, name))
        process_1 = engine.text("exec", name, "cat", "/proc/1/cmdline").split("\0")
        is_server = Path(process_1[0]).name.startswith(("python", "gunicorn"))
        check("process 1 is the server", is_server, " ".join(process_1))
        check("user id", engine.text("exec", name, "id", "-u") == "10001")
        print(f"figure: memory {engine.text('exec', name, 'python', '-c', MEMORY)} MB after two requests")
        check_exit(engine, name)


def check_other_starts(engine: Engine, photo: bytes) -> None:
    """CMD, another entrypoint, other users, another port."""
    starts = {
        "CMD, any user": (["--user", "12345:12345"], []),
        "serve as entrypoint, root": (["--user", "0:0", "--entrypoint", "serve"], []),
        "other working folder": (["--workdir", "/tmp"], ["serve"]),
        "other port": (["-e", "SAGEMAKER_BIND_TO_PORT=9090"], ["serve"]),
    }
    for what, (options, command) in starts.items():
        port = "9090" if what == "other port" else "8080"
        with running(engine, "--network", "none", *options, command=command) as name:
            wait(engine, name, port)
            status, _, body = ask(engine, name, photo, "application/json", port)
            check(what, status == 200 and b'"person ' in body, f"{status} {body[:300]!r}")
            check(f"{what}: health check", is_healthy(engine, name))
            check_exit(engine, name)


def check_model_folder(engine: Engine, photo: bytes) -> None:
    """SageMaker's /opt/ml/model, read-only: a model in it is served, what is none ends the start with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = Path(folder, "model")
        shutil.copytree(ROOT / "container" / "models" / "embedded", mounted)
        for path in (Path(folder), mounted, *mounted.iterdir()):
            path.chmod(0o755)
        options = ["--network", "none", "-v", f"{mounted}:/opt/ml/model:ro"]
        with running(engine, *options, command=["serve"]) as name:
            wait(engine, name)
            status, _, body = ask(engine, name, photo, "application/json")
            check("model in /opt/ml/model", status == 200 and b'"person ' in body, f"{status} {body[:300]!r}")
            check_exit(engine, name)
        (mounted / "model.json").write_text("{}")
        with running(engine, *options, command=["serve"]) as name:
            code = engine("wait", name, timeout=60).stdout.decode().strip()
            logs = engine("logs", name)
            reason = (logs.stdout + logs.stderr).decode()
            check("broken model: an error code and a reason", code != "0" and "maskserve: " in reason, code)


def check_training(engine: Engine, photo: bytes) -> None:
    """`docker run IMAGE train` with SageMaker's folders, as root as there; what comes out is served."""
    with tempfile.TemporaryDirectory() as folder:
        base = write_channels(Path(folder, "ml"), {"steps": "3", "batch_size": "2", "image_size": "64"})
        mounted = ["--network", "none", "-v", f"{base}:/opt/ml"]
        done = engine("run", "--rm", "--user", "0:0", *mounted, TAG, "train", check=False)
        check("train", done.returncode == 0 and b" mask_ap50=" in done.stdout, (done.stdout + done.stderr).decode())
        with running(engine, *mounted, "--user", "0:0", command=["serve"]) as name:
            wait(engine, name)
            status, _, body = ask(engine, name, photo, "application/json")
            check("the trained model is served", status == 200, f"{status} {body[:300]!r}")
            check_exit(engine, name)


def check_contract(engine: Engine) -> None:
    """`python -m container check --image`, whose table is printed; it finds fault with an image that serves nothing."""
    command = [sys.executable, "-m", "container", "check", "--image"]
    done = subprocess.run([*command, TAG], cwd=ROOT, capture_output=True)
    print(done.stdout.decode())
    check("container check --image", done.returncode == 0, done.stderr.decode())

    with running(engine, "--entrypoint", "true", command=[]) as name:
        engine("commit", "--change", 'ENTRYPOINT ["python", "-m", "http.server"]', name, BROKEN)
    done = subprocess.run([*command, BROKEN], cwd=ROOT, capture_output=True)
    engine("rmi", "-f", BROKEN)
    check("  fails what serves nothing", done.returncode == 1 and b"never ready" in done.stdout, done.stdout.decode())


def jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
