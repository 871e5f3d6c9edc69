"""The attacks do nothing to this server, and most of them do to a naive one: else they would show nothing."""

import sys

import pytest

from tests.conftest import Server, StartServer
from tests.hostile.attacks import ATTACKS, harm

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("name", ATTACKS)
def test_no_harm(name: str, server: Server) -> None:
    assert harm(server, ATTACKS[name]) == ""


def test_a_naive_server_is_harmed(start_server: StartServer) -> None:
    naive = start_server(sys.executable, "-m", "tests.hostile.naive")
    naive.wait()
    harmed = {name: harm(naive, attack) for name, attack in ATTACKS.items()}
    assert sum(map(bool, harmed.values())) >= len(ATTACKS) // 2, harmed
    assert any("500" in what for what in harmed.values())
    naive.stop()
