"""How far a reader has to travel: the files of container/ that one JPEG → JSON request runs through."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from container.app import choose_policy, create_app, create_services
from container.settings import Settings
from tests.conftest import ROOT

PACKAGE = str(ROOT / "container") + "/"

# Bounds that only ever become lower.
MAX_FILES = 25
MAX_MOVES = 47


class Journey:
    """Notes, while it is `on`, the file of each function of container/ that is called, by thread."""

    def __init__(self) -> None:
        self.on = False
        self.stays: dict[int, list[str]] = {}

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        file = frame.f_code.co_filename
        if self.on and event == "call" and file.startswith(PACKAGE):
            stays = self.stays.setdefault(threading.get_ident(), [])
            if not stays or stays[-1] != file:
                stays.append(file)

    @property
    def files(self) -> set[str]:
        return {file.removeprefix(PACKAGE) for stays in self.stays.values() for file in stays}

    @property
    def moves(self) -> int:
        return sum(len(stays) - 1 for stays in self.stays.values())


@pytest.fixture
def journey() -> Iterator[Journey]:
    made, before = Journey(), sys.getprofile()
    threading.setprofile(made.note)  # for threads that begin from now on, such as the one that predicts
    sys.setprofile(made.note)
    yield made
    sys.setprofile(before)
    threading.setprofile(None)


def test_files_and_moves_of_one_request(journey: Journey, astronaut: bytes, tmp_path: Path) -> None:
    """The second of two equal requests, in the request's own thread and the one that predicts."""
    settings = Settings(base_dir=str(tmp_path), device="cpu")
    services = create_services(settings, choose_policy(settings))
    services.pool.start()
    client = create_app(settings, services).test_client()
    assert services.pool.settle() == ("ready", "")
    for on in (False, True):
        journey.on = on
        response = client.post("/invocations", data=astronaut, content_type="image/jpeg")
        journey.on = False
        assert response.status_code == 200 and response.json["labels"][0].startswith("person ")
    services.pool.close()
    assert len(journey.stays) == 2
    assert len(journey.files) <= MAX_FILES, sorted(journey.files)
    assert journey.moves <= MAX_MOVES
