"""What browsers are told: which pages may call this server, and what they may do with its answers."""

import re
from collections.abc import Sequence

from flask import Flask, Response
from flask_cors import CORS

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Answers are of the request's own picture. Pages and their files set another value.
    "Cache-Control": "no-store",
}
_PREFLIGHT_SECONDS = 600  # for which a browser may remember what it was told


def register(app: Flask, origins: Sequence[str]) -> None:
    """Put security headers on every answer, and let the pages of `origins` read answers; "*" is every page."""

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    if origins:
        CORS(
            app,
            # The library takes brackets, as in http://[::1]:3000, for a pattern.
            origins=[origin if origin == "*" else re.compile(re.escape(origin) + r"\Z") for origin in origins],
            methods=["GET", "POST"],
            expose_headers=[
                "X-Amzn-SageMaker-Custom-Attributes",
                "X-Amzn-SageMaker-New-Session-Id",
                "X-Amzn-SageMaker-Closed-Session-Id",
                "X-Request-Id",
                "Retry-After",
            ],
            max_age=_PREFLIGHT_SECONDS,
            send_wildcard=True,
            always_send=False,
            intercept_exceptions=False,  # errors are answered by handlers of ours, and so pass here anyway
        )
