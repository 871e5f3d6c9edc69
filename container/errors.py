"""Every error that a client may see, as one tree that knows no HTTP library.

ServingError (500 internal_error)
├── BadRequest (400 bad_request)
│   ├── BadImage (400 bad_image)
│   ├── BadLocation (400 bad_location)
│   └── BadModel (400 bad_model)
├── Unauthenticated (401 unauthenticated)
├── NotFound (404 not_found)
│   └── ModelNotFound (404 model_not_found)
├── NotAcceptable (406 not_acceptable)
├── Conflict (409 conflict)
│   ├── ModelAlreadyLoaded (409 model_already_loaded)
│   └── ModelBroken (409 model_broken)
├── PayloadTooLarge (413 payload_too_large)
│   └── BodyTooLarge (413 payload_too_large)
├── UnsupportedMediaType (415 unsupported_media_type)
├── Unprocessable (422 unprocessable)
├── ClientGone (499 client_gone, which nobody reads)
├── NotOffered (501 not_offered)
├── Unavailable (503 unavailable, with Retry-After)
│   ├── ModelNotReady (503 model_not_ready)
│   ├── Overloaded (503 overloaded)
│   ├── OutOfMemory (503 out_of_memory)
│   └── DeviceLost (503 device_lost)
├── DeadlineExceeded (504 deadline_exceeded)
└── InsufficientMemory (507 insufficient_memory)

A message says what was wrong, the value, and what is allowed, in one line; it never holds a path of this machine or
the text of another library's exception. Foreign errors are translated once, with ``raise … from``.
"""

MAX_SHOWN = 100  # characters of an id in a message
MAX_LINE = 3000  # characters of a ModelError: the names of all architectures take 1,600


_SAGEMAKER = {
    "max_payload_mb": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "multi_model": "SAGEMAKER_MULTI_MODEL",
    "workers": "SAGEMAKER_MODEL_SERVER_WORKERS",
}


def shown(name: str) -> str:
    """Return a name of any length that a caller has sent, as it stands in a message."""
    return repr(name if len(name) <= MAX_SHOWN else name[:MAX_SHOWN] + "…")


def setting_name(field: str) -> str:
    """The environment variable of a field of Settings, for messages of rooms that are handed values and no settings."""
    return _SAGEMAKER.get(field, f"MASKSERVE_{field.upper()}")


class ServingError(Exception):
    """An error that is answered to the client; the class gives the code and the status, the message the reason."""

    code = "internal_error"
    status = 500

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadRequest(ServingError):
    """The request is malformed: its attributes, its JSON or its array."""

    code, status = "bad_request", 400


class BadImage(BadRequest):
    """The bytes claim to be a picture and cannot be read as one."""

    code = "bad_image"


class BadLocation(BadRequest):
    """No model lies there, or none may."""

    code = "bad_location"


class BadModel(BadRequest):
    """What lies there cannot be loaded."""

    code = "bad_model"


class Unauthenticated(ServingError):
    """The request carries none of the server's API keys."""

    code, status = "unauthenticated", 401


class NotFound(ServingError):
    """Nothing is served under this name."""

    code, status = "not_found", 404


class ModelNotFound(NotFound):
    """No model is loaded under this name."""

    code = "model_not_found"


class NotAcceptable(ServingError):
    """The client accepts none of the response types that exist."""

    code, status = "not_acceptable", 406


class Conflict(ServingError):
    """The server's state does not allow it."""

    code, status = "conflict", 409


class ModelAlreadyLoaded(Conflict):
    """A model is loaded under this name, or is being loaded or unloaded."""

    code = "model_already_loaded"


class ModelBroken(Conflict):
    """The files of the model that was asked for cannot be loaded as they are."""

    code = "model_broken"


class PayloadTooLarge(ServingError):
    """The body, or the picture that it declares, is over the limit."""

    code, status = "payload_too_large", 413


class BodyTooLarge(PayloadTooLarge):
    """The body alone is over the limit."""


class UnsupportedMediaType(ServingError):
    """The body is of a kind that is not read here."""

    code, status = "unsupported_media_type", 415


class Unprocessable(ServingError):
    """The picture can be read, and nothing can be done with it."""

    code, status = "unprocessable", 422


class NotOffered(ServingError):
    """The route is that of another server, whose clients may ask for it."""

    code, status = "not_offered", 501


class ClientGone(ServingError):
    """The client closed its connection while its request was waiting; the status is the one of nginx, for the log."""

    code, status = "client_gone", 499


class Unavailable(ServingError):
    """The same request may succeed later; `retry_after` says in how many seconds."""

    code, status = "unavailable", 503

    def __init__(self, message: str, hint: str = "", retry_after: int = 1) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class ModelNotReady(Unavailable):
    """The model is still being loaded, or its load has failed."""

    code = "model_not_ready"


class Overloaded(Unavailable):
    """The queue in front of the model is full."""

    code = "overloaded"


class OutOfMemory(Unavailable):
    """There is not enough memory for this picture now."""

    code = "out_of_memory"


class DeviceLost(Unavailable):
    """The device has failed and answers nothing more; this process is about to be replaced."""

    code = "device_lost"


class DeadlineExceeded(ServingError):
    """The request was not done in time; the message names the stage that was slow.

    `waited` is True if it was waiting for the model, so that the same request may succeed later.
    """

    code, status = "deadline_exceeded", 504

    def __init__(self, message: str, hint: str = "", waited: bool = False) -> None:
        super().__init__(message, hint)
        self.waited = waited


class InsufficientMemory(ServingError):
    """There is no memory for another model; once others are unloaded there may be."""

    code, status = "insufficient_memory", 507


class ModelError(Exception):
    """A model cannot be built or loaded; one line for who has the model, and for no other client.

    What it names, such as tensors, parameters and keys, is the file's, and may be of any length.
    """

    def __init__(self, message: str) -> None:
        line = "".join(c if c.isprintable() else " " for c in message[: MAX_LINE + 1])
        super().__init__(line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…")


class DataError(Exception):
    """Training or evaluation data cannot be used; one line for its owner, naming the file. Never sent to a client."""


class TrainingError(Exception):
    """A training run cannot go on; one line for its owner. Never sent to a client."""
