"""The whole contract, of a server that runs, of an image, or of our own server started for it."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from container.check import (
    attributes,
    batch,
    bodies,
    container_engine,
    health,
    image,
    load,
    multi_model,
    negotiation,
    refusals,
    runtime,
    starting,
    stopping,
)
from container.check.client import Client
from container.check.containers import Container, Image, running
from container.check.findings import Finding, Outcome
from container.check.processes import Child, free_port, serving, stranger_of
from container.check.subject import Process, Start, Subject

GROUPS = (bodies, refusals, negotiation, attributes, batch, runtime, load)


@dataclass(frozen=True)
class Request:
    """What is to be checked: `url`, or `image`, or neither for our own server."""

    url: str
    image: str
    pid: int | None  # of the server at `url`, where it may be stopped
    model_data: Path | None  # folder for an image's /opt/ml/model
    image_environ: Sequence[str]  # NAME=VALUE
    headers: Mapping[str, str]  # sent with every request
    endpoint: str  # NAME in /endpoints/NAME/invocations
    concurrency: int  # clients at once
    start_seconds: float  # how long a start may take
    multi_model: str  # where a model lies that the server at `url` can load, on a multi-model endpoint


def run(request: Request) -> Iterator[Finding]:
    """Findings as they are made; ValueError or Unavailable where there is nothing to ask."""
    if request.image:
        yield from _image(request)
    elif request.url:
        stranger = None if request.pid is None else stranger_of(request.pid)
        yield from contract(_subject(request, Client(request.url, request.headers), None, stranger))
    else:
        with serving(os.environ) as (process, url):
            yield from _started(replace(request, url=url), process)


def contract(subject: Subject) -> Iterator[Finding]:
    """Every check of a server that may be made; no more than its start where it never answers.

    Of a multi-model endpoint only /ping and /models: what else there is, is asked of a server of one model.
    """
    if subject.start is None:
        yield Finding("start", Outcome.SKIPPED, problem="--image, or no address, lets it be started here")
    else:
        yield from starting.checks.find(subject)
        if subject.start.ready is None:
            return
    for finding in health.checks.find(subject):
        yield finding
        if finding.check == health.CONNECT and finding.outcome is Outcome.FAILED:
            return
    if subject.model_url:
        yield from multi_model.checks.find(subject)
        return
    for group in GROUPS:
        yield from group.checks.find(subject)
    if subject.process is None:
        yield Finding("SIGTERM", Outcome.SKIPPED, problem="--pid, --image, or no address, lets it be stopped here")
    else:
        yield from stopping.checks.find(subject)


def _started(request: Request, process: Child | Container) -> Iterator[Finding]:
    client = Client(request.url, request.headers)
    start = starting.watch(client, process, request.start_seconds)
    if start.ready is None:
        start = replace(start, end=process.last_words())
    yield from contract(_subject(request, client, start, process))


def _subject(request: Request, client: Client, start: Start | None, process: Process | None) -> Subject:
    return Subject(client, start, process, request.endpoint, request.concurrency, request.multi_model)


def _image(request: Request) -> Iterator[Finding]:
    options = [word for pair in request.image_environ for word in ("-e", pair)]
    with _model_data(request.model_data) as folder:
        found = Image(container_engine.find(), request.image, (*options, "-v", f"{folder}:/opt/ml/model:ro"))
        for finding in image.checks.find(image.Inspected(found, request.start_seconds)):
            yield finding
            if finding.check == image.SERVES and finding.outcome is Outcome.FAILED:
                return
        port = free_port()
        with running(found, ("-p", f"127.0.0.1:{port}:8080")) as container:
            yield from _started(replace(request, url=f"http://127.0.0.1:{port}"), container)


@contextmanager
def _model_data(given: Path | None) -> Iterator[str]:
    if given is not None:
        yield str(given.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield folder
