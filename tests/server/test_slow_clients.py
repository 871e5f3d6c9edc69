"""Who gives way: by age, by what is still to come of them, and by what they have not taken."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import NoneType

import pytest

from container.errors import Overloaded
from container.server.slow_clients import Exchanges


class Conn:
    """As much of one of gunicorn's connections as is asked for, and its client."""

    def __init__(self) -> None:
        self.sock, self.client = socket.socketpair()

    def close(self) -> None:
        self.sock.close()
        self.client.close()


READ, DEADLINE = 10.0, 5.0  # seconds; an answer is given up after 35


@pytest.fixture
def conns() -> Iterator[list[Conn]]:
    """Four connections."""
    made = [Conn() for _ in range(4)]
    yield made
    for conn in made:
        conn.close()


@pytest.mark.parametrize(
    ("age", "untaken", "cut", "given_up"),
    [
        pytest.param(9, False, False, False, id="in-time"),
        pytest.param(11, False, True, False, id="still-sending"),
        pytest.param(11, True, True, False, id="takes-its-time"),
        pytest.param(36, False, True, False, id="waits-for-an-answer"),
        pytest.param(36, True, False, True, id="does-not-take-its-answer"),
    ],
)
def test_who_is_late(age: float, untaken: bool, cut: bool, given_up: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port, socket.create_connection(port.getsockname(), 2) as client:
        conn = Conn()
        conn.close()
        conn.sock = port.accept()[0]  # what is untaken is known of TCP alone
        exchanges = Exchanges(READ, 100)
        exchanges.begin(conn)
        exchanges[conn].begun = time.monotonic() - age
        if untaken:
            conn.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    conn.sock.send(bytes(1 << 16))
        exchanges.end_late(DEADLINE)
        assert exchanges[conn].cut is cut
        if not untaken:
            conn.sock.sendall(b"the answer")
            assert client.recv(100) == b"the answer"
        conn.sock.close()
        if given_up:
            with pytest.raises(ConnectionResetError):
                while client.recv(1 << 20):  # what has arrived already
                    pass


def test_the_slowest_senders_give_way_first_and_new_ones_do_not(conns: list[Conn]) -> None:
    exchanges = Exchanges(READ, 100)
    for conn, age in zip(conns, (9, 8, 7, 0.1), strict=True):
        exchanges.begin(conn)
        exchanges[conn].begun = time.monotonic() - age
    for count, expected in ((2, 2), (2, 2), (4, 3)):  # who is about to go counts
        exchanges.give_way(count)
        assert [exchanges[conn].given_up for conn in conns] == [True] * expected + [False] * (4 - expected)


def test_bodies_share_their_memory_and_give_it_back(conns: list[Conn]) -> None:
    slow, other, late, _ = conns
    exchanges = Exchanges(READ, 100)
    for conn, age in ((slow, 5), (other, 0), (late, 0)):
        exchanges.begin(conn)
        exchanges[conn].begun = time.monotonic() - age
    exchanges.count(exchanges[slow], 60)
    exchanges.count(exchanges[other], 60)  # 120 of 100: the slowest gives way
    assert exchanges[slow].given_up and not exchanges[other].given_up
    exchanges.end(slow)
    exchanges[other].cut = True  # all of it is there
    with pytest.raises(Overloaded):  # nobody is slow
        exchanges.count(exchanges[late], 60)
    exchanges.end(other)
    exchanges.answered(exchanges[late])
    exchanges.count(exchanges[late], 1000)  # thrown away
    exchanges.begin(other)
    exchanges.count(exchanges[other], 100)


def test_a_body_waits_for_those_that_came_with_it_and_stall(conns: list[Conn]) -> None:
    stalled, stalled_too, sound, _ = conns
    exchanges = Exchanges(READ, 100)
    for conn in (stalled, stalled_too, sound):
        exchanges.begin(conn)
    exchanges.count(exchanges[stalled], 50)
    exchanges.count(exchanges[stalled_too], 50)
    exchanges.count(exchanges[sound], 40)  # all are new: refused at once before
    assert [exchanges[conn].given_up for conn in (stalled, stalled_too, sound)] == [True, False, False]
    exchanges.answered(exchanges[stalled])


@pytest.mark.parametrize("answered", [False, True])
def test_a_client_that_waits_for_memory_is_not_slow(answered: bool, conns: list[Conn]) -> None:
    done, waits, _, _ = conns
    exchanges = Exchanges(READ, 100)
    for conn in (done, waits):
        exchanges.begin(conn)
    exchanges.count(exchanges[done], 90)
    exchanges[done].cut = True  # all of it is there
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(exchanges.count, exchanges[waits], 20)
        while not exchanges[waits].waiting:
            time.sleep(0.01)
        exchanges[done].begun -= 5
        exchanges[waits].begun -= 5
        exchanges.give_way(2)
        if answered:
            exchanges.answered(exchanges[done])
        assert isinstance(counted.exception(5), NoneType if answered else Overloaded)
    assert not exchanges[waits].given_up
