"""Accept × Custom-Attributes: the type that answers is the one that was asked for.

Accept comes first, then `response_type` in the attributes, then the server's default; a wildcard or no Accept is no
preference. Types that a server does not make it refuses with 406; that it has attributes of that name is not asked for.
"""

from functools import partial

from container.check import pictures
from container.check.client import Answer
from container.check.findings import Checks, NotOffered, Wrong
from container.check.refusals import refusal
from container.check.subject import JSON, PICTURES, Subject

ACCEPTS = (
    None,
    "*/*",
    JSON,
    "image/jpeg",
    "image/png",
    "image/*",
    "image/webp, image/png;q=0.9, application/json;q=0.1",
    "text/x-none",
)
ATTRIBUTES = (
    None,
    '{"response_type": "json"}',
    '{"response_type": "jpeg"}',
    '{"response_type": "png"}',
    '{"response_type": ""}',
    '{"response_type": ',
    "trace-2f9c",
    '{"unknown": [1, 2]}',
)
_STARTS = {b"{": JSON, b"[": JSON, b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
_REFUSABLE = ATTRIBUTES[5], ATTRIBUTES[7]  # what is no JSON, and a key that the server may not know
_REFUSED = (406, 415)

checks = Checks[Subject]()


def _right(accept: str | None, attributes: str | None, subject: Subject) -> tuple[str, ...]:
    """The media types that may answer; none where the request has to be refused."""
    offers = subject.offers
    word = (attributes or "").removeprefix('{"response_type": "').removesuffix('"}')
    wanted = {"json": JSON, "jpeg": "image/jpeg", "png": "image/png"}.get(word, "")
    preferred = wanted if subject.takes_response_type and wanted in offers else subject.default
    if accept in (None, "*/*"):
        return (preferred,)
    if accept == "image/*":
        return (preferred,) if preferred in PICTURES else tuple(offer for offer in offers if offer in PICTURES)
    ranked = [part.split(";")[0].strip() for part in accept.split(",")]
    return tuple(name for name in ranked if name in offers)[:1]


def _negotiated(accept: str | None, subject: Subject) -> str:
    right: tuple[str, ...] = ()
    for attributes in ATTRIBUTES:
        right = _right(accept, attributes, subject)
        answer = subject.client.invoke(pictures.jpeg(), accept, attributes)
        try:
            _judge(answer, right, refusable=attributes in _REFUSABLE)
        except Wrong as error:
            raise Wrong(f"with attributes {attributes}: {error}" if attributes else str(error)) from None
    if not right and accept in (*PICTURES, JSON, "image/*"):
        raise NotOffered("refused with 406")
    return f"{len(ATTRIBUTES)} forms of attributes"


def _judge(answer: Answer, right: tuple[str, ...], refusable: bool) -> None:
    if refusable and answer.status == 400:
        refusal(answer, (400,))
    elif not right:
        refusal(answer, _REFUSED)
    elif answer.status != 200 or answer.media_type not in right:
        raise Wrong(f"{answer}, not 200 {' or '.join(right)}")


for _accept in ACCEPTS:
    checks.add(
        f"Accept: {_accept or '(none)'}",
        "answer with the type of highest q that you make, call it so in Content-Type, and refuse all others with 406",
        partial(_negotiated, _accept),
    )


@checks("Content-Type names the answer", "set it to application/json, image/jpeg or image/png, whichever the body is")
def named(subject: Subject) -> str:
    for accept in (None, *subject.offers):
        answer = subject.client.invoke(pictures.jpeg(), accept)
        kind = next((kind for start, kind in _STARTS.items() if answer.body.startswith(start)), answer.media_type)
        if answer.media_type != kind:
            raise Wrong(f"{answer} is {kind}")
    return subject.default


@checks("attribute response_type", "")
def response_type(subject: Subject) -> str:
    if not subject.takes_response_type:
        raise NotOffered("does not choose the answer's type")
    return ", ".join(subject.offers)
