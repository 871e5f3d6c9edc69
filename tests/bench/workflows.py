"""What a workflow costs: against the same steps called by hand, in turn; and twenty clients of it at once."""

import base64
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import requests

from container.app import choose_policy, create_services
from container.formats.pictures import jpeg_file
from container.images.sources import read_json
from container.rendering.colors import colors_of, palette_colors
from container.rendering.fills import fill_regions
from container.service import RequestContext, Services
from container.settings import Settings
from container.structures import Instances, Options
from container.workflows.graph import compile_workflow
from container.workflows.run import run_workflow
from container.workflows.serialise import JPEG_QUALITY
from tests.bench import cases
from tests.bench.load import crowd
from tests.bench.servers import Server
from tests.clients.workflow_cases import CROP, IMAGE, compared, kept, model, specification, step

ROUNDS = 60
CLIENTS, SECONDS = 20, 20.0
CONFIDENCE, OPACITY = 0.05, 0.5


def _document(sure: float) -> dict[str, Any]:
    """Return the workflow, which goes on with detections of this confidence."""
    kept_ones = "$steps.sure.predictions"
    return specification(
        [
            model("seg", "RoboflowInstanceSegmentationModel", model_id="served", confidence=CONFIDENCE),
            step(
                "sure",
                "DetectionsFilter",
                predictions="$steps.seg.predictions",
                operations=kept(compared("confidence", "(Number) >=", sure)),
            ),
            CROP | {"predictions": kept_ones},
            step("masks", "MaskVisualization", image=IMAGE, predictions=kept_ones),
        ],
        {"predictions": kept_ones, "crops": "$steps.crop.crops", "drawn": "$steps.masks.image"},
    )


Steps = Callable[[float, Services, RequestContext, Any], bytes]  # of the confidence, and a picture as JSON


def _workflow(sure: float, services: Services, context: RequestContext, picture: Any) -> bytes:
    return run_workflow(compile_workflow(_document(sure)), {"image": picture}, services, context).bodies[0]


def _by_hand(sure: float, services: Services, context: RequestContext, picture: Any) -> bytes:
    options = Options(confidence=CONFIDENCE, iou_threshold=0.3, max_detections=300, max_candidates=3000)
    with services.pipeline.open(services.pool.policy.served, context) as run:
        (image,) = run.decode(partial(read_json, picture)).images
        (result,) = run.predict([image], options)
        ids = run.engine.indices  # from the model's own class ids
    found = result.prediction.instances()
    found = found[found.scores >= sure]
    canvas = image.pixels.copy()
    classes = [ids[one] for one in found.classes.tolist()]
    fill_regions(canvas, found, colors_of(classes, palette_colors("DEFAULT", 10, ())), OPACITY)
    crops = [image.pixels[y0:y1, x0:x1] for x0, y0, x1, y1 in found.boxes.round().astype(int).tolist()]
    height, width = image.size
    answer = {
        "predictions": {"image": {"width": width, "height": height}, "predictions": list(_entries(found))},
        "crops": [_encoded(one) for one in crops],
        "drawn": _encoded(canvas),
    }
    return json.dumps(answer).encode()


def _encoded(pixels: Any) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(jpeg_file(pixels, JPEG_QUALITY)).decode()}


def _entries(found: Instances) -> Iterator[dict[str, Any]]:
    assert found.masks is not None
    for i, (x0, y0, x1, y1) in enumerate(found.boxes.tolist()):
        yield {
            "x": (x0 + x1) / 2,
            "y": (y0 + y1) / 2,
            "width": x1 - x0,
            "height": y1 - y0,
            "confidence": round(float(found.scores[i]), 4),
            "class": found.labels[i],
            "points": [{"x": x, "y": y} for x, y in found.masks.outline(i).tolist()],
        }


def _alike(bodies: list[bytes]) -> int:
    """Return how many objects both have found and cropped; RuntimeError where they differ."""
    answers = [json.loads(body) for body in bodies]
    found = [[one["class"] for one in answer["predictions"]["predictions"]] for answer in answers]
    points = [[one["points"] for one in answer["predictions"]["predictions"]] for answer in answers]
    pictures = [[answer["drawn"]["value"], *(crop["value"] for crop in answer["crops"])] for answer in answers]
    if found[0] != found[1] or points[0] != points[1] or pictures[0] != pictures[1]:
        raise RuntimeError(f"the answers differ: {found}")
    return len(found[0])


def measure(folder: Path) -> Iterator[str]:
    """Yield how long both take with the embedded model, and what twenty clients see of the server's."""
    case = cases.make(cases.EMBEDDED, "480x640", 10, folder)
    picture = {"type": "base64", "value": base64.b64encode(case.photo).decode()}
    settings = Settings(device="cpu", base_dir=str(folder))
    services = create_services(settings, choose_policy(settings))
    services.pool.start()
    services.pool.settle()
    yield _compared(case.confidence, services, picture)
    services.pool.close()
    yield _crowded(case, picture, folder)


def _compared(sure: float, services: Services, picture: Any) -> str:
    ways: dict[str, Steps] = {"by hand": _by_hand, "workflow": _workflow}
    times: dict[str, list[float]] = {name: [] for name in ways}
    computed: dict[str, list[float]] = {name: [] for name in ways}  # of the processor, the model included
    of_model: dict[str, list[float]] = {name: [] for name in ways}
    count = 0
    for number in range(ROUNDS + 3):
        bodies = []
        for name in sorted(ways, reverse=number % 2 == 1):  # each goes first as often as the other
            context = RequestContext(services.deadline_seconds)
            begun, spent = time.perf_counter(), time.process_time()
            bodies.append(ways[name](sure, services, context, picture))
            if number >= 3:
                times[name].append(1000 * (time.perf_counter() - begun))
                computed[name].append(1000 * (time.process_time() - spent))
                of_model[name].append(context.stages["inference"])
        count = _alike(bodies)
    wall, cpu_time = ({name: statistics.median(some) for name, some in one.items()} for one in (times, computed))
    beside = {name: statistics.median(a - b for a, b in zip(times[name], of_model[name], strict=True)) for name in ways}
    return (
        f"detect → filter → crop → visualise, {count} objects kept: by hand {wall['by hand']:.1f} ms, "
        f"as a workflow {wall['workflow']:.1f}: {wall['workflow'] / wall['by hand']:.3f} times; "
        f"of CPU {cpu_time['by hand']:.1f} and {cpu_time['workflow']:.1f}: "
        f"{cpu_time['workflow'] / cpu_time['by hand']:.3f} times; "
        f"beside the model {beside['by hand']:.1f} and {beside['workflow']:.1f} ms"
    )


class _Asked(Server):
    """The server, asked to run the workflow."""

    body: bytes = b""

    def ask(self, kind: str, session: requests.Session) -> tuple[float, bytes]:
        """Milliseconds and body of one answer."""
        begun = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        answer = session.post(f"{self.url}/workflows/run", data=self.body, headers=headers, timeout=600)
        milliseconds = 1000 * (time.perf_counter() - begun)
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code} {answer.text[:300]}")
        return milliseconds, answer.content


def _crowded(case: cases.Case, picture: Any, folder: Path) -> str:
    with _Asked("maskserve", case, folder) as server:
        server.body = json.dumps({"specification": _document(case.confidence), "inputs": {"image": picture}}).encode()
        server.ask("", requests.Session())
        seen = crowd(server, "", CLIENTS, SECONDS)
    return (
        f"{CLIENTS} clients for {SECONDS:.0f} s: {seen.per_second:.1f} a second, {seen.cpu_ms:.0f} ms of CPU each; "
        f"/ping p50 {seen.ping_p50:.1f} ms, p99 {seen.ping_p99:.1f}, longest {seen.ping_max:.1f}"
    )
