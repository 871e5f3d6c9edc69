"""`python -m tests.memory_table [ARCHITECTURE …]`: memory of the costliest request for every kind of model and answer.

Each line gives the peak of the process over that of a plain request for the same picture of 12 megapixels. Exit code 1
where that is more than three times the decoded picture and the constant that SECURITY.md states for the kind.
"""

import http.client
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import safetensors.torch
import skimage.data
import torch

from container.engines.base import architectures
from tests.conftest import Server, encode, launch

# Classes, and the MB that a request may take on top of a plain one and three pictures.
KINDS = {
    "maskrcnn_mobilenet_v2_fpn": (0, 500),
    "maskrcnn_resnet50_fpn": (91, 1000),
    "keypointrcnn_resnet50_fpn": (2, 500),
    "retinanet_resnet50_fpn": (2, 300),
    "ssd300_vgg16": (91, 300),
    "fcos_resnet50_fpn": (91, 300),
    "deeplabv3_resnet50": (21, 100),
    "semantic_fpn_mobilenet_v2": (21, 100),
    "mobilenet_v3_large": (1000, 100),
}
COSTLY = {"confidence": 0, "iou_threshold": 1, "max_candidates": 100_000}
SESSION = "X-Amzn-SageMaker-Session-Id"
# Name, Accept, attributes, other headers; all of them with one picture.
ANSWERS: list[tuple[str, str, dict[str, object], dict[str, str]]] = [
    ("JSON", "application/json", {}, {}),
    ("run lengths", "application/json", {"masks": "rle"}, {}),
    ("polygons", "application/json", {"masks": "polygon"}, {}),
    ("PNG", "image/png", {}, {}),
    ("JPEG", "image/jpeg", {}, {}),
    ("jsonlines", "application/jsonlines", {"masks": "rle"}, {}),
    ("session", "application/json", {"masks": "rle"}, {SESSION: "NEW_SESSION"}),
]


def ask(server: Server, body: bytes, headers: dict[str, str], attributes: dict[str, object]) -> tuple[int, float]:
    """The status of an answer, and the most memory in MB that the worker had meanwhile."""
    worker = psutil.Process(server.process.pid).children()[0]
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # starts the peak anew
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=700)
    sent = headers | {"X-Amzn-SageMaker-Custom-Attributes": json.dumps(attributes)}
    connection.request("POST", "/invocations", body, sent)
    response = connection.getresponse()
    response.read()
    connection.close()
    status = Path(f"/proc/{worker.pid}/status").read_text()
    if "VmHWM" not in status:
        raise RuntimeError(f"{sent}: the worker has ended\n{server.log.read_text()[-2000:]}")
    return response.status, int(status.split("VmHWM:")[1].split()[0]) / 1e3


def start(architecture: str, classes: int, folder: Path) -> Server:
    """The server with random weights of an architecture, or with the embedded model."""
    environ = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "180"}
    if classes:
        torch.manual_seed(0)
        module = architectures[architecture].build(num_classes=classes)
        safetensors.torch.save_file(module.state_dict(), folder / "model.safetensors")
        (folder / "model.json").write_text(json.dumps({"architecture": architecture}))
        environ["MASKSERVE_MODEL"] = str(folder)
    server = launch(folder / "log", **environ)
    server.wait(seconds=120)
    return server


def most(architecture: str, answer: str) -> int:
    """How many detections may be asked for: masks and keypoints are limited by MASKSERVE_MAX_DETECTIONS."""
    limited = architecture.startswith("keypointrcnn") or (architecture.startswith("maskrcnn") and answer != "JSON")
    return 1000 if limited else 100_000


def rows(architecture: str, server: Server, photo: bytes, many: bytes) -> Iterator[tuple[str, float, float, float]]:
    """(answer, MB at rest, MB over rest of a plain request, MB over that of the costliest); seconds are printed."""
    array = {"Content-Type": "application/x-npy"}
    # First, as long as no costly picture has made the server expect that it takes too long.
    asked = [("256 pictures", "application/json", {"masks": "rle"}, array, many, 390)]
    asked += [(*answer, photo, most(architecture, answer[0])) for answer in ANSWERS]
    ask(server, photo, {"Accept": "image/png"}, {})  # the first is more than any other
    for name, accept, attributes, headers, body, count in asked:
        rest = psutil.Process(server.process.pid).children()[0].memory_info().rss / 1e6
        status, plain = ask(server, body, {"Accept": accept, **headers}, attributes)
        begun = time.monotonic()
        costly_status, costly = ask(
            server, body, {"Accept": accept, **headers}, attributes | COSTLY | {"max_detections": count}
        )
        if (status, costly_status) != (200, 200):  # 413: refused at once; 504: ended at the deadline
            name += f" ({status}, {costly_status})"
        yield f"{name}, {time.monotonic() - begun:.0f} s", rest, plain - rest, costly - plain


def main(names: list[str]) -> int:
    """Print the table, a line an answer."""
    photo = np.resize(np.tile(skimage.data.coffee(), (8, 7, 1)), (3000, 4000, 3))
    decoded = photo.nbytes / 1e6
    body, array, worst = encode(photo, "JPEG"), io.BytesIO(), 0
    np.save(array, np.random.default_rng(0).integers(0, 256, (256, 64, 64, 3), np.uint8))
    for name in names or KINDS:
        classes, constant = KINDS[name]
        with tempfile.TemporaryDirectory() as folder:
            server = start(name, classes, Path(folder))
            try:
                for answer, rest, plain, beyond in rows(name, server, body, array.getvalue()):
                    over = beyond > 3 * decoded + constant
                    worst |= over
                    print(
                        f"{name}: {answer}: {rest:.0f} MB at rest, +{plain:.0f} plain, +{beyond:.0f} beyond"
                        + (f": more than 3 × {decoded:.0f} + {constant}" if over else ""),
                        flush=True,
                    )
            finally:
                server.stop()
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
