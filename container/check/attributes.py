"""X-Amzn-SageMaker-Custom-Attributes as the platform lets them through: up to 1024 characters, JSON or not.

A server may refuse keys of JSON that it does not know, as one that takes them for parameters does.
"""

from container.check import pictures
from container.check.client import ATTRIBUTES
from container.check.findings import Checks, NotOffered, Wrong
from container.check.refusals import refusal
from container.check.subject import Subject

LIMIT = 1024  # visible ASCII characters, each way
TRACE = "trace-id=2f9c41"

# Sent as UTF-8; each a form that clients use.
FORMS = {
    "an opaque string": TRACE,
    "1024 characters": "x" * LIMIT,
    "60 unknown keys": "{" + ", ".join(f'"key_{n}": {n}' for n in range(60)) + "}",
    "UTF-8": '{"name": "Zürich, 東京"}',
}

checks = Checks[Subject]()


@checks("attributes: any form is taken", "attributes belong to the caller: ignore those that you do not know")
def taken(subject: Subject) -> str:
    refused = []
    for name, value in FORMS.items():
        answer = subject.client.invoke(pictures.jpeg(), attributes=value)
        if answer.status == 400 and value.startswith("{"):
            refused.append(f"{name}: {refusal(answer, (400,))}")
        elif answer.status != 200:
            raise Wrong(f"{name}: {answer}")
    if refused:
        raise NotOffered("; ".join(refused))
    return f"{len(FORMS)} forms"


@checks("attributes: answer fits", "keep the header below 1024 ASCII characters: the platform refuses more")
def fits(subject: Subject) -> str:
    lengths = []
    for name, value in FORMS.items():
        told = subject.client.invoke(pictures.jpeg(), attributes=value).headers[ATTRIBUTES]
        if told is not None and (len(told) > LIMIT or not told.isascii() or not told.isprintable()):
            raise Wrong(f"{name}: {len(told)} characters, {'ASCII' if told.isascii() else 'not all ASCII'}")
        lengths.append(len(told or ""))
    if not any(lengths):
        raise NotOffered("answers carry no attributes")
    return f"{max(lengths)} characters at most"


@checks("attributes: opaque ones come back", "")
def echoed(subject: Subject) -> str:
    told = subject.client.invoke(pictures.jpeg(), attributes=TRACE).headers[ATTRIBUTES]
    if TRACE not in (told or ""):
        raise NotOffered("the caller's own string is not in the answer's attributes")
    return ""
