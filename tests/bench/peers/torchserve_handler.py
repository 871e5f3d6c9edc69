"""The model behind torchserve: one picture a request, as a form's file."""

from typing import Any

from tests.bench.plain import Plain


class Handler:
    """What torchserve calls in each of its workers."""

    def initialize(self, context: Any) -> None:
        self.plain = Plain()

    def handle(self, data: list[dict[str, bytes]], context: Any) -> list[bytes]:
        answers = []
        for i, request in enumerate(data):
            body, media_type = self.plain(bytes(request["picture"]), bytes(request["kind"]).decode())
            context.set_response_content_type(i, media_type)
            answers.append(body)
        return answers
