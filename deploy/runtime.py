"""SageMaker Runtime: when a call is made again, and what went wrong in one line."""

import json
import random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, HTTPClientError, IncompleteReadError

SERVICE = "sagemaker-runtime"
ATTEMPTS = 6
_LONGEST_DELAY = 20  # seconds, as botocore's own
_LATER = (429, 503)
# Beginnings of the codes after which every other call fails in the same way.
_HOPELESS = (
    "AccessDenied",
    "Expired",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthentication",
    "NoSuchBucket",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)


class Refused(Exception):
    """One call failed; the message is one line. `hopeless` where the next one would fail in the same way."""

    def __init__(self, message: str, hopeless: bool = False) -> None:
        super().__init__(message)
        self.hopeless = hopeless


def retry_when_busy(runtime: Any) -> None:
    """Make a client repeat what botocore does not: a container that is busy, and a model that is still being loaded.

    The platform turns the container's 503 into a ModelError with status 424, which botocore takes for final.
    """
    runtime.meta.events.register(f"needs-retry.{SERVICE}", _delay)


def _delay(attempts: int, response: Any, **_: Any) -> float | None:
    """Seconds until the next attempt, None for none: exponential, with jitter."""
    if response is None or attempts >= ATTEMPTS:
        return None
    _, answer = response
    loading = answer.get("Error", {}).get("Code") == "ModelNotReadyException"
    if not loading and answer.get("OriginalStatusCode") not in _LATER:
        return None
    return random.uniform(0.5, 1) * min(_LONGEST_DELAY, 2.0 ** (attempts - 1))


def refusal(error: BotoCoreError | ClientError | OSError) -> Refused:
    """What botocore or the file system raised, as one line: the container's own words where there are some."""
    if isinstance(error, BotoCoreError):
        return Refused(one_line(str(error)), hopeless=not isinstance(error, (HTTPClientError, IncompleteReadError)))
    if isinstance(error, OSError):
        return Refused(error.strerror or type(error).__name__)
    if isinstance(error, EventStreamError):
        return Refused(one_line(f"the answer broke off: {error.response['Error'].get('Message', '')}"))
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code == "ModelError":
        original = error.response.get("OriginalMessage", "")
        return Refused(one_line(f"{error.response.get('OriginalStatusCode', '')} {error_text(original) or original}"))
    missing = code == "ValidationError" and "not found" in message
    return Refused(one_line(f"{code}: {message}" if message else code), missing or code.startswith(_HOPELESS))


def error_text(document: str | bytes) -> str:
    """The container's error in one line, "" for what is none: '{"error": {"code": "bad_image", …' → "bad_image: …"."""
    try:
        error = json.loads(document)["error"]
        text = f"{error['code']}: {error['message']}" + (f" ({error['hint']})" if error.get("hint") else "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    return one_line(text)


def one_line(text: str) -> str:
    """One printable line; what a server says may hold control characters for the terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:400]
