"""Request bodies: pictures whatever they are called, large ones, and ones that are too large."""

from functools import partial

from container.check import pictures
from container.check.findings import Checks, NotOffered, Skipped, Wrong
from container.check.subject import Subject

HUGE = 10**10
_SOON = 5.0  # seconds, for an answer that needs no more than the request's head

# Batch transforms name one type for all objects of a prefix; curl names a form; others name nothing.
MISNAMED = ("image/png", "application/x-image", "application/octet-stream", "application/x-www-form-urlencoded", None)

checks = Checks[Subject]()


def _taken(body: bytes, content_type: str, subject: Subject) -> str:
    answer = subject.client.invoke(body, content_type=content_type)
    if answer.status != 200:
        raise Wrong(f"{len(body):,} bytes of {content_type}: {answer}")
    return f"{1000 * answer.seconds:.0f} ms"


checks.add("body: JPEG", "answer the picture with 200", partial(_taken, pictures.jpeg(), "image/jpeg"))
checks.add("body: PNG", "answer the picture with 200", partial(_taken, pictures.png(), "image/png"))


def _sniffed(content_type: str | None, subject: Subject) -> str:
    answer = subject.client.invoke(pictures.jpeg(), content_type=content_type)
    if answer.status >= 500:
        raise Wrong(f"a JPEG: {answer}")
    if answer.status != 200:
        raise NotOffered(f"a JPEG: {answer}")
    return ""


for one in MISNAMED:
    checks.add(
        f"body: JPEG sent as {one or 'nothing'}",
        "tell a picture by its first bytes, or refuse the type with 415",
        partial(_sniffed, one),
    )


@checks("body: in chunks", "let the HTTP server put chunks together, or refuse them with 411")
def chunked(subject: Subject) -> str:
    picture = pictures.jpeg()
    answer = subject.client.invoke(iter((picture[:1000], picture[1000:])))
    if answer.status >= 500:
        raise Wrong(str(answer))
    if answer.status != 200:
        raise NotOffered(f"{answer}; batch transforms with MaxPayloadInMB 0 send them")
    return ""


@checks("body: 5.9 MB", "raise the limit of the HTTP server or framework: SageMaker sends up to 25 MB")
def large(subject: Subject) -> str:
    if 0 < subject.payload_mb < 6:
        raise Skipped(f"its own limit is {subject.payload_mb} MB")
    return _taken(pictures.heavy(), "image/png", subject)


@checks(
    "body: too large is 413",
    "compare Content-Length with the limit, answer 413, and read on until the client has sent all",
)
def too_large(subject: Subject) -> str:
    limit = _limit(subject)
    answer = subject.client.invoke(bytes((limit + 1) * 1024 * 1024))
    if answer.status != 413:
        raise Wrong(f"{limit + 1} MB: {answer}")
    answer.json()
    return f"over {limit} MB"


@checks("body: 10 GB announced", "refuse by Content-Length, before the body is read")
def announced(subject: Subject) -> str:
    _limit(subject)
    answer = subject.client.announce(HUGE, _SOON)
    if answer.status != 413:
        raise Wrong(str(answer))
    return f"413 after {1000 * answer.seconds:.0f} ms"


def _limit(subject: Subject) -> int:
    """In MB; Skipped where there is none."""
    if subject.payload_mb == 0:
        raise Skipped("its limit is set to none")
    return subject.payload_mb
