"""The program of a process that compares, or answers questions about evaluations; it writes nothing to the store.

A request is a line of JSON. An answer is frames: four bytes with the length of a head in JSON, the head, then as many
bytes as the head's "sizes" add up to. The last frame of an answer has "end".
"""

import json
import os
import resource
import select
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from container import __version__
from container.errors import ServingError, Unprocessable
from container.evaluation.coco import TooManyLabels
from container.evaluation.geometry import TooManyPairs
from container.evaluation.sample import Sample, joined
from container.scoring.config import Config
from container.scoring.process import ADDRESS, IDLE_SECONDS, MEMORY, PART_SECONDS
from container.scoring.questions import Questions, counted, kind_of
from container.scoring.reading import compare
from container.scoring.summary import summary
from container.store import evaluations
from container.store.evaluations import COMMIT, EVALUATION, Selection
from container.store.places import Place
from container.store.store import Store

MAX_ANSWER = 100 << 20  # bytes; charts of 10,000 labels of 20 characters have 80 MB

Frame = tuple[dict[str, Any], Sequence[bytes]]


def main(files: str, local_s3: str) -> None:
    """Answer requests until there are no more."""
    _lowest_priority()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever is printed goes to the log
    store = Store.attach(Place(files, os.environ.pop(ADDRESS), local_s3))
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    with suppress(BrokenPipeError):  # nobody listens any more
        _serve(store, out)


def _serve(store: Store, out: BinaryIO) -> None:
    questions = Questions()
    ready = select.poll()
    ready.register(0, select.POLLIN)
    while ready.poll(1000 * IDLE_SECONDS) and (line := sys.stdin.buffer.readline()):  # one request at a time
        try:
            for frame in _answer(store, questions, json.loads(line)):
                _write(out, *frame)
        except ServingError as error:
            _write(out, {"end": True, "error": error.message, "status": error.status}, ())
        except (TooManyPairs, TooManyLabels) as error:
            _write(out, {"end": True, "error": str(error), "status": 422}, ())
        except MemoryError:
            _write(out, {"end": True, "error": f"it takes more than {MEMORY >> 30} GB of memory", "status": 422}, ())


def _answer(store: Store, questions: Questions, request: dict[str, Any]) -> Iterator[Frame]:
    _more_time()
    if not request:  # asks only whether there is anybody
        yield {"end": True}, ()
        return
    if "selection" in request:
        yield from _compared(store, request)
        return
    with store.read() as connection:
        yield {"end": True}, [_written(questions.answer(connection, request))]


def _written(answer: Any) -> bytes:
    """Return an answer as JSON; Unprocessable for one that is longer than the server should hold."""
    written = json.dumps(answer, separators=(",", ":")).encode()
    if len(written) > MAX_ANSWER:
        raise Unprocessable(
            f"the answer has {len(written) >> 20:,} MB, and at most {MAX_ANSWER >> 20} are sent: labels are many or "
            "long; filters leave some out"
        )
    return written


def _compared(store: Store, request: dict[str, Any]) -> Iterator[Frame]:
    selection, config = Selection.read(request["selection"]), Config.read(request["config"])
    samples: dict[str, list[Sample]] = {"bbox": [], "segm": []}
    with store.read() as connection:  # one state of the data, whatever is uploaded meanwhile
        revisions = evaluations.revisions(connection, selection)
        for part in compare(store, connection, selection, config, request["purpose"] == COMMIT):
            texts = [text.encode() for _, text in part.matches]
            if request["purpose"] == EVALUATION:
                for kind, data in part.arrays.items():
                    samples[kind].append(Sample.from_bytes(data))
            yield (
                {
                    "kinds": list(part.arrays),
                    "items": [key for key, _ in part.matches],
                    "errors": part.errors,
                    "counts": part.counts,
                    "progress": part.progress,
                },
                [*part.arrays.values(), *texts],
            )
            _more_time()
    end = {"end": True, "revisions": revisions, "version": __version__, "summary": {}}
    if request["purpose"] == EVALUATION:
        whole = [counted(joined(parts), config, EVALUATION) for parts in samples.values()]
        kind = kind_of(*whole)
        end["summary"] = {"iou_type": kind, **summary(whole[list(samples).index(kind)])}
    yield end, ()


def _write(out: BinaryIO, head: dict[str, Any], payloads: Sequence[bytes]) -> None:
    written = json.dumps({**head, "sizes": [len(one) for one in payloads]}).encode()
    data = memoryview(b"".join([struct.pack(">I", len(written)), written, *payloads]))
    while data:
        data = data[out.write(data) :]


def _end_with_the_server() -> None:
    """End this process once nobody can ask it any more: a part may take minutes, or hours on busy processors."""
    gone = select.poll()
    gone.register(0, 0)  # wakes up for the other end's close alone
    gone.poll()
    os._exit(1)


def _lowest_priority() -> None:
    os.nice(19)
    with suppress(OSError, AttributeError):  # where a container's rules forbid it; Linux only
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _more_time() -> None:
    """Let this process compute for PART_SECONDS from now on; the kernel ends it then."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + PART_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))
