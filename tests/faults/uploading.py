"""Clients that upload to the store without an end, and note what they were told of each request."""

import hashlib
import http.client
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

STORED, LOST, REFUSED = "stored", "lost", "refused"  # answered with 200, not answered, and answered with another status
BOXES, MASKED, BY_JOB = "boxes", "masks", "by a job"
_SIZES = {BOXES: 300, MASKED: 3, BY_JOB: 2000}  # objects of a request
_JSON = {"Content-Type": "application/json"}
_BOUNDARY = "between"


@dataclass
class Sent:
    """A request: which objects it brought, and what was answered."""

    kind: str
    ids: list[str]
    answer: str
    request_id: str = ""  # of an upload that a job reads


def box(reference_id: str, annotation_id: str) -> dict[str, Any]:
    """A box with a place of its own."""
    x, y, width, height = hashlib.sha256(annotation_id.encode()).digest()[:4]
    geometry = {"x": x, "y": y / 7, "width": width, "height": height + 0.5}
    ids = {"reference_id": reference_id, "annotation_id": annotation_id}
    return {"type": "box", "label": "car", "geometry": geometry, "confidence": x / 255, "metadata": {"y": y}, **ids}


class Uploading:
    """One client of each kind, until the block ends; `port` may change meanwhile."""

    kinds = (BOXES, MASKED, BY_JOB)

    def __init__(self, port: int, items: int) -> None:
        self.port = port
        self.sent: list[Sent] = []
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._items = iter(range(items))
        self._dataset = self._made("dataset/create", "dataset_id", name="kills")
        rows = [{"reference_id": str(i), "image_url": "s3://b/1.png"} for i in range(items)]
        self._made(f"dataset/{self._dataset}/append", "dataset_id", items=rows)
        self._made("models/add", "model_id", name="kills", reference_id="kills")
        self._run = self._made(
            f"dataset/{self._dataset}/modelRun/create", "model_run_id", name="k", reference_id="kills"
        )
        self._threads = [threading.Thread(target=self._work, args=[kind]) for kind in self.kinds]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] = _JSON, timeout: float = 30
    ) -> tuple[int, bytes]:
        """The status and the body of an answer; status 0 where it did not come, -1 where nobody took the request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.connect()
        except OSError:
            return -1, b""
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            # A database that died in a commit: its server says that it does not know, as one that died says nothing.
            return (0, b"") if answer.status == 503 and b"it is not known" in text else (answer.status, text)
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def everything(self) -> dict[str, Any]:
        """All objects of the run by their ids, none of which is there twice."""
        path = f"/v1/nucleus/modelRun/{self._run}/ungrouped"
        status, body = self.ask("GET", path, timeout=120)  # 100 kills leave a million, which a busy machine sorts first
        assert status == 200, body[:500]
        objects = [one for kind in json.loads(body).values() for one in kind]
        found = {one["annotation_id"]: one for one in objects}
        assert len(found) == len(objects)
        return found

    def statuses(self) -> set[str]:
        """The last known statuses of all jobs."""
        return {job["job_last_known_status"] for job in self._jobs(show_completed=True)}

    def jobs_end(self, seconds: float) -> float:
        """Wait until no job runs; return the seconds that took."""
        begun = time.monotonic()
        while running := self._jobs(show_completed=False):
            assert time.monotonic() - begun < seconds, running
            time.sleep(0.1)
        return time.monotonic() - begun

    def send_again(self) -> int:
        """Ask once more for the jobs of uploads that got no answer, as a client would; return how many there are."""
        lost = [sent for sent in self.sent if sent.kind == BY_JOB and sent.answer == LOST]
        for sent in lost:
            status, _ = self._post(f"modelRun/{self._run}/predict?async=1", {"requestId": sent.request_id})
            sent.answer = STORED if status == 200 else sent.answer  # or the upload itself was lost
        return len(lost)

    def pixels(self, annotation_id: str) -> bytes:
        """The bytes of a mask; the store does not look into them."""
        return b"\x89PNG\r\n\x1a\n" + hashlib.sha256(annotation_id.encode()).digest() * 100

    def _jobs(self, show_completed: bool) -> list[dict[str, Any]]:
        status, body = self._post("jobs/", {"dataset_id": self._dataset, "show_completed": show_completed})
        assert status == 200, body
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def _made(self, route: str, key: str, **fields: Any) -> str:
        status, body = self._post(route, fields)
        assert status == 200, body
        return str(json.loads(body)[key])

    def _post(self, route: str, fields: dict[str, Any]) -> tuple[int, bytes]:
        return self.ask("POST", f"/v1/nucleus/{route}", json.dumps(fields).encode())

    def _work(self, kind: str) -> None:
        send = {BOXES: self._send_boxes, MASKED: self._send_masks, BY_JOB: self._send_by_job}[kind]
        while not self._over.is_set():
            ids = [f"{kind} {next(self._numbers)}" for _ in range(_SIZES[kind])]
            status, request_id = send(ids)
            if status == -1:
                time.sleep(0.02)
                continue
            answer = {200: STORED, 0: LOST}.get(status, REFUSED)
            self.sent.append(Sent(kind, ids, answer, request_id))
            time.sleep(0.03 if kind != BY_JOB else 0.2)

    def _send_boxes(self, ids: list[str]) -> tuple[int, str]:
        boxes = [box("0", one) for one in ids]
        return self._post(f"modelRun/{self._run}/predict", {"annotations": boxes, "update": False})[0], ""

    def _send_masks(self, ids: list[str]) -> tuple[int, str]:
        references = [str(one) for one in itertools.islice(self._items, len(ids))]
        if len(references) < len(ids):
            return -1, ""
        segments = [{"label": "a", "index": 1}]
        masks = [
            {
                "type": "mask",
                "mask_url": f"/{one}.png",
                "annotations": segments,
                "annotation_id": one,
                "reference_id": ref,
            }
            for one, ref in zip(ids, references, strict=True)
        ]
        parts = [_part('name="serialized_request"', "application/json", json.dumps({"segmentations": masks}).encode())]
        parts += [_part(f'name="mask"; filename="%2F{one}.png"', "image/png", self.pixels(one)) for one in ids]
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        path = f"/v1/nucleus/modelRun/{self._run}/predict"
        return self.ask("POST", path, b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()]), headers)[0], ""

    def _send_by_job(self, ids: list[str]) -> tuple[int, str]:
        request_id = uuid.uuid4().hex
        status, body = self.ask("GET", f"/v1/nucleus/dataset/{self._dataset}/signedUrl/{request_id}")
        if status != 200:
            return -1, ""
        address = json.loads(body)["signed_url"]
        status, _ = self.ask("PUT", "/v1" + address.partition("/v1")[2], _lines(box("0", one) for one in ids), {})
        if status == 200:
            status, _ = self._post(f"modelRun/{self._run}/predict?async=1", {"requestId": request_id, "update": False})
        return (0 if status == -1 else status), request_id


def _part(name: str, media_type: str, body: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {media_type}\r\n\r\n"
    return head.encode() + body + b"\r\n"


def _lines(objects: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)
