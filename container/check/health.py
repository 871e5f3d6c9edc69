"""GET /ping of a server that has nothing else to do."""

from statistics import median

from container.check.client import PING_SECONDS
from container.check.findings import Checks, NotOffered, Wrong
from container.check.starting import CONNECT_SECONDS
from container.check.subject import Subject

ATTEMPTS = 5

CONNECT = "connect within 250 ms"

checks = Checks[Subject]()


@checks(CONNECT, "accept connections in a thread or process that does nothing else")
def connect(subject: Subject) -> str:
    worst = max(subject.client.connect(seconds=2) for _ in range(ATTEMPTS))
    if worst > CONNECT_SECONDS:
        raise Wrong(f"a connection took {1000 * worst:.0f} ms")
    return f"{1000 * worst:.1f} ms"


@checks("/ping", "answer GET /ping with 200 when the server is ready; SageMaker waits 2 s")
def ping(subject: Subject) -> str:
    answers = [subject.client.ping() for _ in range(ATTEMPTS)]
    bad = [answer for answer in answers if answer.status != 200]
    if bad:
        raise Wrong(f"/ping: {bad[0]}")
    if (worst := max(answer.seconds for answer in answers)) > PING_SECONDS:
        raise Wrong(f"/ping took {worst:.1f} s")
    return f"{1000 * median(answer.seconds for answer in answers):.1f} ms"


@checks("HEAD /ping", "")
def head(subject: Subject) -> str:
    answer = subject.client.request("HEAD", "/ping", seconds=PING_SECONDS)
    if answer.status != 200:
        raise NotOffered(f"answers {answer.status}")
    return ""
