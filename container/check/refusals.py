"""What cannot be answered is the caller's error: 4xx, as JSON, and nothing of the inside.

A 5xx is sent again by clients, counts as the model's failure, and makes alarms ring.
"""

import re
from collections.abc import Mapping
from functools import partial

from container.check import pictures
from container.check.client import Answer
from container.check.findings import Checks, Wrong
from container.check.subject import Subject

_INSIDE = re.compile(rb"Traceback \(most recent|File \"/|<!doctype html|<html", re.IGNORECASE)
_ADVICE = "catch what goes wrong in one place and answer {} with a JSON object that says what is wrong"

# What is sent → method, path, body, headers, the statuses that are right.
REQUESTS: Mapping[str, tuple[str, str, bytes, str, tuple[int, ...]]] = {
    "no picture": ("POST", "/invocations", b"not a picture", "image/jpeg", (400, 415, 422)),
    "empty body": ("POST", "/invocations", b"", "image/jpeg", (400, 411, 415, 422)),
    "picture cut short": ("POST", "/invocations", pictures.jpeg()[:2000], "image/jpeg", (400, 415, 422)),
    "pickle": ("POST", "/invocations", b"\x80\x04.", "application/x-pickle", (400, 415)),
    "GET /invocations": ("GET", "/invocations", b"", "", (405,)),
    "no such route": ("GET", "/no/such/route", b"", "", (404,)),
}

checks = Checks[Subject]()


def refusal(answer: Answer, right: tuple[int, ...]) -> str:
    """The figure for an error; Wrong where it is not one of the statuses that are `right`, or not JSON."""
    if _INSIDE.search(answer.body):
        raise Wrong(f"{answer} shows a page of HTML or a traceback")
    if answer.status not in right:
        raise Wrong(f"{answer}, not {' or '.join(map(str, right))}")
    if not isinstance(answer.json(), dict):
        raise Wrong(f"{answer} is not a JSON object")
    return str(answer.status)


def _refused(method: str, path: str, body: bytes, content_type: str, right: tuple[int, ...], subject: Subject) -> str:
    headers = {"Content-Type": content_type} if content_type else {}
    return refusal(subject.client.request(method, path, body or None, headers), right)


for _name, _request in REQUESTS.items():
    checks.add(f"error: {_name}", _ADVICE.format(_request[4][0]), partial(_refused, *_request))
