"""Invocations of a model that embeds: pictures or texts in, a vector of each out, as JSON, lines of it or .npy.

{"text": "a photo of a cat"}
{"text": ["a cat", "a dog"]}  # answered by an array
{"text": "a cat"}             # JSON lines, as a batch transform that joins records sends them
{"text": "a dog"}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from container.errors import MAX_SHOWN, BadRequest, NotAcceptable, PayloadTooLarge
from container.formats import Documents, Streamed, vectors
from container.images.base import given_image
from container.protocols.sagemaker.documents import JSON, KEYS
from container.protocols.sagemaker.messages import InvocationRequest
from container.protocols.sagemaker.negotiation import REFERENCE, Attributes, Negotiation
from container.service.embedding import Embedder
from container.service.embeddings import Embeddings
from container.service.pipeline import Run
from container.structures import Image
from container.structures.clip import MAX_BATCH
from container.web.body import parse_json

TEXT = "text"  # the key of a JSON body
_OPTIONS = ("response_type", "on_error", REFERENCE)  # that mean something
_HINT = '{"text": "a photo of a cat"}, {"text": ["a cat", "a dog"]}, or a picture'


@dataclass(frozen=True)
class Asked:
    """What an invocation asks to be embedded, and how it is answered."""

    texts: Sequence[str] | None  # None: pictures
    batch: bool  # of texts: answered by an array
    attributes: Attributes
    media_type: str  # of the answer
    form: Documents | None  # see vectors.offered


def read(
    invocation: InvocationRequest,
    media_type: str,
    negotiation: Negotiation,
    accept: str,
    defaults: Mapping[str, Any] | None,
    limits: int,
) -> Asked:
    """Return what an invocation with a body of this media type asks; `limits` is the most texts of one.

    `accept` and `defaults` are the operator's media type and attributes. Raises BadRequest for sessions, prompts,
    wrong values and texts that are none; PayloadTooLarge for too many; NotAcceptable.
    """
    if invocation.session:
        raise BadRequest(
            "a session keeps what a model has found in a picture, and this model embeds",
            hint="send the picture or the text with every request, and no X-Amzn-SageMaker-Session-Id",
        )
    if invocation.prompts is not None:
        raise BadRequest("prompts are for a promptable model, and this one embeds", hint=_HINT)
    texts, batch = _texts(invocation, media_type, negotiation, limits)
    if texts is not None:
        invocation = replace(invocation, ignored=tuple(name for name in invocation.ignored if name != TEXT))
    attributes = negotiation.gather(invocation, defaults)
    attributes = negotiation.told(invocation, attributes, {*negotiation.attributes} - {*_OPTIONS})
    chosen, form = _form(invocation, attributes, negotiation, accept, media_type)
    return Asked(texts, batch, attributes, chosen, form)


def embed(contents: Sequence[str | Image], run: Run, embeddings: Embeddings) -> np.ndarray:
    """Return the vectors of texts or of pictures that are decoded, float32 N×D; raises the errors of Embedder.embed.

    More than the deadline has time for are refused before any is embedded: PayloadTooLarge.
    """
    run.admit(-(-len(contents) // MAX_BATCH))
    return Embedder(run, embeddings).embed([one if isinstance(one, str) else given_image(one) for one in contents])


def write(found: np.ndarray, asked: Asked, batch: bool, run: Run) -> bytes:
    """Return the body of the answer; DeadlineExceeded, ClientGone."""
    return run.write(partial(vectors.encode, found, asked.form, batch), [])


def _texts(
    invocation: InvocationRequest, media_type: str, negotiation: Negotiation, most: int
) -> tuple[Sequence[str] | None, bool]:
    """Return the texts of a body, None if it holds pictures, and whether they are an array."""
    if negotiation.of(media_type) in _lines():
        texts, batch = [_in_line(line) for line in invocation.body.splitlines() if line.strip()], True
    elif media_type == JSON and invocation.document is not None and TEXT in invocation.document:
        if both := [key for key in KEYS if key in invocation.document]:
            raise BadRequest(f"the JSON body has both `{both[0]}` and `{TEXT}`; one of them is wanted", hint=_HINT)
        value = invocation.document[TEXT]
        texts, batch = (value, True) if isinstance(value, list) else ([value], False)
    else:
        return None, False
    if not 1 <= len(texts) <= most:
        raise PayloadTooLarge(f"the request holds {len(texts)} texts; 1 to {most} are allowed")
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise BadRequest(f"`{TEXT}` holds {ascii(wrong[0])[:MAX_SHOWN]}; it takes texts", hint=_HINT)
    return texts, batch


def _in_line(line: bytes) -> Any:
    try:
        document = parse_json(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or TEXT not in document:
        raise BadRequest(f"a line of the body is no object with `{TEXT}`: {ascii(line[:MAX_SHOWN])}", hint=_HINT)
    return document[TEXT]


def _form(
    invocation: InvocationRequest, attributes: Attributes, negotiation: Negotiation, default: str, media_type: str
) -> tuple[str, Documents | None]:
    """Return the media type of the answer and its format: lines are answered by lines if nothing else is wanted.

    NotAcceptable for pictures and the like, unless they are the operator's default.
    """
    offered = vectors.offered()
    wanted = negotiation.media_type(attributes.values.get("response_type", ""))
    if wanted and wanted not in offered and "response_type" in negotiation.named(invocation):
        raise NotAcceptable(f"{wanted} is asked for, and the answer is an embedding; there is {', '.join(offered)}")
    chosen = negotiation.pick(invocation.accept, (wanted, *_lines() & {negotiation.of(media_type)}, default), offered)
    return chosen, offered[chosen]


def _lines() -> set[str]:
    """Return the media types of bodies of a JSON object a line."""
    return {media_type for media_type, form in vectors.offered().items() if isinstance(form, Streamed)}
