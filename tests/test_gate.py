"""How many threads compute at once, and who lets others in."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from container.gate import Gate, outside


def test_no_more_threads_than_places_are_inside() -> None:
    gate, inside, most = Gate(3), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with gate:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: work(), range(60)))
    assert most[0] == 3


def test_a_thread_that_waits_outside_lets_others_in() -> None:
    gate, done = Gate(1), threading.Event()

    def wait() -> bool:
        with gate, outside():
            return done.wait(10)

    def end() -> None:
        with gate:
            done.set()

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(wait) for _ in range(7)]
        pool.submit(end).result(10)
        assert all(one.result(10) for one in waiting)


def test_threads_that_wait_outside_make_more_of_use() -> None:
    gate = Gate(4)
    assert gate.useful == 8
    with gate:
        assert gate.useful == 8
        with outside():
            assert gate.useful == 9
        assert gate.useful == 8


def test_an_error_outside_comes_back_in() -> None:
    gate = Gate(1)
    for _ in range(3):
        try:
            with gate, outside():
                raise ValueError
        except ValueError:
            pass
    with gate:
        pass


def test_outside_does_nothing_in_a_thread_without_a_gate() -> None:
    with outside(), outside():
        pass


def test_a_function_may_wait_outside_each_time() -> None:
    gate = Gate(1)

    @outside()
    def useful() -> int:
        return gate.useful

    with gate:
        assert [useful(), useful(), gate.useful] == [3, 3, 2]
