"""The queue in front of a model: bounded, on time, and never broken by what a model raises."""

import gc
import threading
import time
import weakref
from collections.abc import Sequence

import numpy as np
import pytest

from container.cancellation import checkpoint
from container.engines.queue import Answer, Dispatcher, Predict
from container.errors import ClientGone, DeadlineExceeded, Overloaded, PayloadTooLarge, Unavailable
from container.structures import ImageQuery, Options
from tests.fakes import FakeEngine

pytestmark = pytest.mark.alone

PIXELS = np.zeros((4, 6, 3), np.uint8)


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


class Gate:
    """A model that waits until it is let go, and remembers the batches it got."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []

    def predict(self, queries: Sequence[ImageQuery]) -> list[object]:
        self.batches.append(len(queries))
        self.entered.set()
        assert self.open.wait(10)
        return [query.options for query in queries]


def start(count: int, dispatcher: Dispatcher, answers: list[object]) -> list[threading.Thread]:
    def ask(i: int) -> None:
        try:
            answers.append(dispatcher.predict([ImageQuery(PIXELS, Options(max_detections=i + 1))], soon())[0].output)
        except Exception as error:
            answers.append(error)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    return threads


@pytest.mark.parametrize(("batch_size", "batches"), [(1, [1, 1, 1, 1]), (2, [1, 2, 1]), (8, [1, 3])])
def test_what_waits_is_taken_together_up_to_the_batch_size(batch_size: int, batches: list[int]) -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=8, batch_size=batch_size)
    threads = start(4, dispatcher, answers)
    gate.open.set()
    for thread in threads:
        thread.join()
    dispatcher.close()
    assert gate.batches == batches
    assert sorted(o.max_detections for o in answers) == [1, 2, 3, 4]  # each got the answer to its own question


def test_a_full_queue_refuses_at_once() -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=2)
    threads = start(3, dispatcher, answers)
    begun = time.monotonic()
    with pytest.raises(Overloaded, match="2 requests are waiting"):
        dispatcher.predict([ImageQuery(PIXELS)], soon())
    assert time.monotonic() - begun < 0.05
    gate.open.set()
    for thread in threads:
        thread.join()
    dispatcher.close()


def test_refusals_beyond_a_rate_wait_but_not_long() -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=1)
    threads = start(2, dispatcher, answers)
    seconds: list[float] = []

    def ask(times: int) -> None:
        for _ in range(times):
            begun = time.monotonic()
            with pytest.raises(Overloaded):
                dispatcher.admit(soon())
            seconds.append(time.monotonic() - begun)

    ask(50)  # a burst
    assert max(seconds) < 0.05
    crowd = [threading.Thread(target=ask, args=(5,)) for _ in range(30)]
    for thread in crowd:
        thread.start()
    begun = time.monotonic()
    for thread in crowd:
        thread.join()
    assert 0.7 < time.monotonic() - begun < 3  # 50 of them at once, 100 at 100 a second
    assert max(seconds) < 0.7
    gate.open.set()
    for thread in threads:
        thread.join()
    dispatcher.close()


def test_the_deadline_names_the_stage_and_the_late_cost_nothing() -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=4)
    threads = start(1, dispatcher, answers)
    assert gate.entered.wait(5)
    with pytest.raises(DeadlineExceeded, match="waiting in the queue"):
        dispatcher.predict([ImageQuery(PIXELS)], soon(0.05))
    gate.open.set()
    for thread in threads:
        thread.join()
    dispatcher.close()
    assert gate.batches == [1]


def test_who_would_come_too_late_is_refused_at_once() -> None:
    dispatcher = Dispatcher(FakeEngine(seconds=0.2).predict, queue_size=8)
    for _ in range(2):
        dispatcher.predict([ImageQuery(PIXELS)], soon())
    answers: list[object] = []
    threads = start(3, dispatcher, answers)
    begun = time.monotonic()
    with pytest.raises(Overloaded, match=r"busy for another 0\.[4-6] s") as refused:
        dispatcher.predict([ImageQuery(PIXELS)], soon(0.5))
    assert time.monotonic() - begun < 0.05 and refused.value.retry_after == 1
    dispatcher.predict([ImageQuery(PIXELS)], soon(5))  # it has the time
    for thread in threads:
        thread.join()
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    with pytest.raises(DeadlineExceeded, match="in the model"):  # nobody is before it: it is tried
        dispatcher.predict([ImageQuery(PIXELS)], soon(0.05))
    dispatcher.close()


@pytest.mark.parametrize(("count", "refused"), [(2, False), (20, False), (60, True)])
def test_more_pictures_than_the_time_allows_are_refused_at_once(count: int, refused: bool) -> None:
    dispatcher = Dispatcher(lambda queries: time.sleep(0.05) or [None] * len(queries), queue_size=8)
    dispatcher.check_count(count, soon(0.01))  # nothing is known yet
    for _ in range(3):
        dispatcher.predict([ImageQuery(PIXELS)], soon())
    if refused:
        with pytest.raises(PayloadTooLarge, match="60 pictures take this model about 3 s, and the request has 1"):
            dispatcher.check_count(count, soon(1))
    else:
        dispatcher.check_count(count, soon(1))
    dispatcher.close()


def test_one_bad_picture_in_a_batch_fails_alone() -> None:
    def predict(queries: Sequence[ImageQuery]) -> list[object]:
        time.sleep(0.1)
        if any(query.options.max_detections == 3 for query in queries):
            raise MemoryError
        return [query.options for query in queries]

    answers: list[object] = []
    dispatcher = Dispatcher(predict, queue_size=8, batch_size=8)
    for thread in start(4, dispatcher, answers):
        thread.join()
    dispatcher.close()
    assert sum(isinstance(a, MemoryError) for a in answers) == 1
    assert sorted(a.max_detections for a in answers if isinstance(a, Options)) == [1, 2, 4]


def test_a_slow_model_is_named() -> None:
    dispatcher = Dispatcher(FakeEngine(seconds=0.3).predict, queue_size=4)
    with pytest.raises(DeadlineExceeded, match="in the model"):
        dispatcher.predict([ImageQuery(PIXELS)], soon(0.05))
    dispatcher.close()


def test_an_error_reaches_its_caller_and_the_next_request_works() -> None:
    engine = FakeEngine(error=RuntimeError("broken"))
    dispatcher = Dispatcher(engine.predict, queue_size=4)
    with pytest.raises(RuntimeError, match="broken"):
        dispatcher.predict([ImageQuery(PIXELS)], soon())
    engine.error = None
    answer = dispatcher.predict([ImageQuery(PIXELS)], soon())[0]
    assert isinstance(answer, Answer) and answer.queue_ms >= 0 and answer.inference_ms >= 0
    dispatcher.close()
    with pytest.raises(Unavailable, match="unloaded"):
        dispatcher.predict([ImageQuery(PIXELS)], soon())


def test_what_nobody_waits_for_is_not_predicted() -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=8)
    first = start(1, dispatcher, answers)

    def ask(gone: bool) -> None:
        try:
            answers.append(dispatcher.predict([ImageQuery(PIXELS)], soon(), lambda: gone)[0])
        except ClientGone as error:
            answers.append(error)

    waiting = [threading.Thread(target=ask, args=(gone,)) for gone in (True, False, True)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    gate.open.set()
    for thread in first + waiting:
        thread.join()
    dispatcher.close()
    assert gate.batches == [1, 1]
    assert [type(answer) for answer in answers].count(ClientGone) == 2


class Stepping:
    """A model that works in 50 steps of 20 ms, with a checkpoint before each, once it is let go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[int] = []
        self.steps = 0

    def predict(self, queries: Sequence[ImageQuery]) -> list[object]:
        self.batches.append(len(queries))
        assert self.open.wait(10)
        for _ in range(50):
            checkpoint()
            time.sleep(0.02)
            self.steps += 1
        return [query.options for query in queries]


@pytest.mark.parametrize(
    ("seconds", "leaves_after", "error"), [(0.2, 60.0, DeadlineExceeded), (10, 0.2, ClientGone)], ids=["late", "gone"]
)
def test_a_prediction_that_nobody_waits_for_any_more_ends(
    seconds: float, leaves_after: float, error: type[Exception]
) -> None:
    model = Stepping()
    model.open.set()
    dispatcher = Dispatcher(model.predict, queue_size=8)
    begun = time.monotonic()
    with pytest.raises(error):
        dispatcher.predict([ImageQuery(PIXELS)], soon(seconds), lambda: time.monotonic() > begun + leaves_after)
    dispatcher.close()  # waits for what is being predicted
    assert time.monotonic() - begun < 0.9 and 0 < model.steps < 30


@pytest.mark.parametrize(("leaving", "answered"), [((True, False, True), 4), ((True, True, True), 1)])
def test_a_batch_goes_on_while_anybody_waits_for_it(leaving: tuple[bool, ...], answered: int) -> None:
    model, left, answers = Stepping(), threading.Event(), []
    dispatcher = Dispatcher(model.predict, queue_size=8, batch_size=4)

    def ask(leaves: bool) -> None:
        try:
            answers.append(dispatcher.predict([ImageQuery(PIXELS)], soon(), lambda: leaves and left.is_set())[0])
        except ClientGone as error:
            answers.append(error)

    threads = [threading.Thread(target=ask, args=(leaves,)) for leaves in (False, *leaving)]
    threads[0].start()
    while not model.batches:
        time.sleep(0.01)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.2)
    model.open.set()
    while len(model.batches) < 2:
        time.sleep(0.01)
    left.set()
    for thread in threads:
        thread.join()
    dispatcher.close()
    assert model.batches == [1, 3]
    assert sum(isinstance(answer, Answer) for answer in answers) == answered
    assert model.steps == 100 if answered == 4 else 50 <= model.steps < 60


def broken(queries: Sequence[ImageQuery]) -> list[object]:
    raise RuntimeError("broken")


def cancelled(queries: Sequence[ImageQuery]) -> list[object]:
    while True:
        time.sleep(0.01)
        checkpoint()


@pytest.mark.parametrize(("predict", "error"), [(broken, RuntimeError), (cancelled, ClientGone)])
def test_a_failed_picture_is_not_kept(predict: Predict, error: type[Exception]) -> None:
    dispatcher = Dispatcher(predict, queue_size=4)
    pixels = np.zeros((2, 2, 3), np.uint8)
    gone = weakref.ref(pixels)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(error):
            dispatcher.predict([ImageQuery(pixels)], soon(), lambda: predict is cancelled)
        del pixels
        assert gone() is None
    finally:
        gc.enable()
    dispatcher.close()


@pytest.mark.parametrize(
    ("seconds", "usual", "broken"),
    [
        pytest.param(0.0, 0.0, "one prediction has taken more than 0 s", id="stuck"),
        pytest.param(60.0, 0.0, "", id="not-yet"),
        pytest.param(0.0, 60.0, "", id="always-slow"),
    ],
)
def test_a_prediction_that_takes_for_ever(seconds: float, usual: float, broken: str) -> None:
    gate = Gate()
    dispatcher = Dispatcher(gate.predict, queue_size=8)
    dispatcher._seconds = usual
    asking = start(1, dispatcher, [])
    time.sleep(0.2)
    assert dispatcher.broken(seconds) == broken
    gate.open.set()
    asking[0].join()
    assert dispatcher.broken(seconds) == ""
    dispatcher.close()


def test_abandoned_requests_are_refused() -> None:
    gate, answers = Gate(), []
    dispatcher = Dispatcher(gate.predict, queue_size=8)
    asking = start(3, dispatcher, answers)
    time.sleep(0.2)
    dispatcher.abandon()
    with pytest.raises(Unavailable):
        dispatcher.predict([ImageQuery(PIXELS)], soon())
    gate.open.set()
    for thread in asking:
        thread.join()
    assert sum(isinstance(answer, Options) for answer in answers) == 1
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 2
