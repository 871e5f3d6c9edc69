"""POST /endpoints/NAME/invocations: SageMaker Runtime's own route, which lets boto3 call a container without AWS."""

from container.check import pictures
from container.check.client import Answer
from container.check.findings import Checks, NotOffered, Wrong
from container.check.subject import Subject

VARIANT = "x-Amzn-Invoked-Production-Variant"
ERROR_TYPE = "x-amzn-ErrorType"
FIELDS = {"Message", "OriginalStatusCode", "OriginalMessage", "LogStreamArn"}

checks = Checks[Subject]()


@checks("runtime route", "answer it as /invocations, and name the variant")
def invoked(subject: Subject) -> str:
    answer = _invoke(subject, pictures.jpeg())
    if answer.status != 200 or answer.media_type != subject.default or not answer.headers[VARIANT]:
        raise Wrong(f"{answer}, variant {answer.headers[VARIANT]}")
    return f"{1000 * answer.seconds:.0f} ms"


@checks("runtime route: ModelError", "wrap what the container refuses in ModelError, 424: boto3 repeats a bare 5xx")
def model_error(subject: Subject) -> str:
    answer = _invoke(subject, b"not a picture")
    kind = (answer.headers[ERROR_TYPE] or "").split(":")[0]
    if (answer.status, kind) != (424, "ModelError"):
        raise Wrong(f"{answer}, {ERROR_TYPE} {kind or 'missing'}")
    document = answer.json()
    if not isinstance(document, dict) or not set(document) >= FIELDS:
        raise Wrong(f"the JSON lacks {', '.join(sorted(FIELDS - set(document)))}")
    if document["OriginalStatusCode"] not in range(400, 500):
        raise Wrong(f"OriginalStatusCode {document['OriginalStatusCode']!r} for the caller's error")
    return f"424 for {document['OriginalStatusCode']}"


def _invoke(subject: Subject, body: bytes) -> Answer:
    answer = subject.client.invoke(body, path=f"/endpoints/{subject.endpoint}/invocations")
    if answer.status in (404, 405):
        raise NotOffered("boto3 cannot call this container without AWS")
    if answer.status == 400 and answer.headers[ERROR_TYPE] == "ValidationError":
        raise NotOffered(f"it knows no endpoint {subject.endpoint!r}; name one with --endpoint")
    return answer
