"""The server that is asked, with what several groups of checks want to know of it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from container.check import pictures
from container.check.client import Answer, Client
from container.check.findings import Wrong

JSON = "application/json"
PICTURES = ("image/jpeg", "image/png")
MODEL_NAME = "maskserve-check"  # by which a multi-model endpoint is to load one
LOAD_SECONDS = 360.0  # for which SageMaker goes on loading


class Process(Protocol):
    """A server that may be stopped."""

    def running(self) -> bool:
        """Whether it is there."""

    def terminate(self) -> None:
        """SIGTERM."""

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end; None where the code cannot be known, TimeoutError where it goes on."""


@dataclass(frozen=True)
class Start:
    """How the start of a server went, as SageMaker's health check sees it."""

    ready: float | None  # seconds to the first 200, None where there was none
    seen: tuple[str, ...]  # what /ping answered, repetitions left out: "refused", "503", "200"
    slowest_connect: float  # seconds, once the port was open
    first: Answer | None  # the first invocation after the first 200
    end: str = ""  # the last that a server said which ended before it was ready


@dataclass(eq=False)
class Subject:
    """One server, asked over HTTP."""

    client: Client
    start: Start | None = None  # of a server that this check started
    process: Process | None = None  # of a server that this check may stop
    endpoint: str = "check"  # NAME in /endpoints/NAME/invocations
    concurrency: int = 8
    model_url: str = ""  # where a model lies, of a multi-model endpoint

    @cached_property
    def offers(self) -> tuple[str, ...]:
        """Of JSON, JPEG and PNG, the types that it answers when Accept names one."""
        asked = {name: self.client.invoke(pictures.jpeg(), accept=name) for name in (JSON, *PICTURES)}
        return tuple(name for name, answer in asked.items() if answer.status == 200 and answer.media_type == name)

    @cached_property
    def default(self) -> str:
        """The type that it answers where nobody names one."""
        answer = self.client.invoke(pictures.jpeg())
        if answer.status != 200 or not answer.media_type:
            raise Wrong(f"a JPEG without Accept: {answer}")
        return answer.media_type

    @cached_property
    def takes_response_type(self) -> bool:
        """Whether the attribute response_type chooses among `offers`."""
        kinds = {"json": JSON, "jpeg": "image/jpeg", "png": "image/png"}
        others = [word for word, kind in kinds.items() if kind in self.offers and kind != self.default]
        return bool(others) and all(
            self.client.invoke(pictures.jpeg(), attributes=f'{{"response_type": "{word}"}}').media_type == kinds[word]
            for word in others
        )

    @cached_property
    def loaded(self) -> Answer:
        """The answer to the first load of the model."""
        self.client.request("DELETE", f"/models/{MODEL_NAME}")  # where a check was cut short
        return self.load(MODEL_NAME)

    def load(self, name: str, url: str = "") -> Answer:
        """POST /models, which may take as long as a start."""
        body = json.dumps({"model_name": name, "url": url or self.model_url}).encode()
        return self.client.request("POST", "/models", body, {"Content-Type": "application/json"}, LOAD_SECONDS)

    @cached_property
    def batch(self) -> Answer:
        """What /execution-parameters says."""
        return self.client.request("GET", "/execution-parameters")

    @cached_property
    def payload_mb(self) -> int:
        """The largest body by its own account, 0 for no limit; SageMaker's 25 MB where it gives none."""
        try:
            size = self.batch.json()["MaxPayloadInMB"]
        except (Wrong, KeyError, TypeError):
            return 25
        return size if isinstance(size, int) and size >= 0 else 25
