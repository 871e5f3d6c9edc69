"""requests, whose sessions send one request after another through the same connection."""

import pytest
import requests

from tests.clients.conftest import PERSON
from tests.conftest import Server

SIZE = 2 * 1024 * 1024


def test_a_file_and_a_form(server: Server, astronaut: bytes) -> None:
    answer = requests.post(server.url + "/invocations", data=astronaut, timeout=30)  # says no content type, Accept: */*
    assert PERSON.fullmatch(answer.json()["labels"][0])
    form = requests.post(
        server.url + "/invocations", files={"image": ("photo.jpg", astronaut)}, data={"scores": "true"}, timeout=30
    )
    assert PERSON.fullmatch(form.json()["labels"][0]) and form.json()["scores"][0] > 0.9
    without = requests.post(server.url + "/invocations", files={"image": (None, "text")}, timeout=30)
    assert without.status_code == 400 and "no file; its fields: image" in without.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "headers", "size", "status"),
    [
        ("/invocations", {"Accept": "text/csv"}, SIZE, 406),
        ("/invocations", {"X-Amzn-SageMaker-Custom-Attributes": '{"confidence": 2}'}, SIZE, 400),
        ("/invocations", {"Content-Type": "text/csv"}, SIZE, 415),
        ("/invocations", {"Content-Type": "image/jpeg"}, 26 * 1024 * 1024, 413),
        ("/endpoints/any/invocations", {"Accept": "text/csv"}, SIZE, 424),
        ("/endpoints/any/invocations", {}, 26 * 1024 * 1024, 400),
        ("/predict", {}, SIZE, 404),
        ("/ping", {}, SIZE, 405),
    ],
)
def test_the_request_behind_a_refused_body(
    server: Server, path: str, headers: dict[str, str], size: int, status: int
) -> None:
    body = bytes(size)
    with requests.Session() as session:
        for _ in range(5):
            with session.post(server.url + path, data=body, headers=headers, timeout=10) as refused:
                assert refused.status_code == status
            with session.get(server.url + "/ping", timeout=5) as ping:
                assert ping.status_code == 200
