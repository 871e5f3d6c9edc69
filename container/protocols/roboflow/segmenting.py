"""What the routes of Segment Anything have in common: versions of models, pictures by id, and the forms of masks."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g

from container.errors import MAX_SHOWN, BadRequest
from container.images.sources import given_json
from container.models.policies import Named, Policy
from container.protocols.roboflow.fields import WrongType, read_member
from container.protocols.roboflow.responses import answered
from container.service import Services, by_id
from container.service.pipeline import Run
from container.service.segmenting import Family, Segmenter
from container.structures import Embedding, Segmentation
from container.structures.npy import write_all
from container.structures.strict_json import dump, join_object

MAX_IMAGE_ID = 200  # characters


@dataclass
class Asked:
    """A request whose model is leased."""

    document: Mapping[str, Any]
    segmenter: Segmenter
    run: Run
    services: Services
    named: Named
    model_id: str
    image_id: str = ""  # of the picture, once `embed` was called
    begun: float = field(default_factory=time.monotonic)

    def read(self, name: str, kind: type, default: Any = None, words: tuple[str, ...] = ()) -> Any:
        """Return a member of the JSON body, `default` for null; WrongType for another type or none of `words`."""
        return read_member(self.document, name, kind, default, words)

    def embed(self, image: object) -> Embedding:
        """Return the embedding of a picture as JSON has it, or of the one that the request's image_id stands for.

        Sets `image_id`, which without one in the request is made of the picture's content.
        """
        self.image_id = self.read("image_id", str, "")
        if len(self.image_id) > MAX_IMAGE_ID:
            raise BadRequest(f"image_id has {len(self.image_id)} characters; at most {MAX_IMAGE_ID} are allowed")
        if image is not None:
            # Fetching a picture is a part of decoding it.
            given = self.run.decode(lambda limits, share: given_json(image, limits))
            self.image_id = self.image_id or given.content.hex()[:12]
            return self.segmenter.embed(given, self.image_id)
        if self.image_id:
            return self.segmenter.recall(self.image_id)
        raise BadRequest(
            "the JSON body has neither image nor image_id",
            hint='such as {"image": {"type": "base64", "value": "…"}, "image_id": "photo"}',
        )

    def respond(self, members: Mapping[str, bytes]) -> Response:
        """Return the response with these members, and the seconds that the request took."""
        return self.respond_as(self.document_of(members), "application/json")

    def document_of(self, members: Mapping[str, bytes]) -> bytes:
        """Return the JSON of these members, and the seconds that the request took."""
        return join_object({**members, "time": dump(round(time.monotonic() - self.begun, 6))})

    def respond_as(self, body: bytes, media_type: str) -> Response:
        """Return the response with this body."""
        g.context.fields |= {"n": self.run.found, "stages_ms": g.context.rounded()}
        return answered(body, media_type, self.model_id, self.named.load_seconds)


@contextmanager
def opened(family: Family, document: Mapping[str, Any], services: Services) -> Iterator[Asked]:
    """Lease the model that a request asks for, loading it if necessary."""
    named, model_id = load_version(family, document, services)
    with services.pipeline.open(named.key, g.context) as run:
        yield Asked(document, Segmenter(run, services.embeddings, g.context), run, services, named, model_id)


def load_version(family: Family, document: Mapping[str, Any], services: Services) -> tuple[Named, str]:
    """Return the model that a request asks for, loaded, and its id; the deadline counts from the end of the load.

    Raises WrongType, and the errors of Family.find and Policy.by_id.
    """
    with by_id.loading(services, g.context) as policy:
        model_id = _version(family, document, policy)
        named = by_id.load(model_id, services)
    g.context.fields |= {"model_id": model_id[:200]}
    return named, model_id


def _version(family: Family, document: Mapping[str, Any], policy: Policy) -> str:
    """Return the id of the model that a request asks for; WrongType for a version that is no text."""
    return family.find(read_version(family, document), policy)


def read_version(family: Family, document: Mapping[str, Any]) -> str | None:
    """Return the version that a request names, None if it names none; WrongType for what is no text."""
    name = document.get(family.field)
    if name is not None and (not isinstance(name, str) or not name):
        raise WrongType(f"{family.field} is {ascii(name)[:MAX_SHOWN]}; it takes a version", family.field, name)
    return name


def logits_file(segmentation: Segmentation) -> bytes:
    """Return a .npz file of `masks`, float32 N×H×W logits in the picture, and `low_res_masks`, those of the model."""
    masks = [one.logits for one in segmentation.segments if one.logits is not None]
    low_res = [one.low_res for one in segmentation.segments]
    return write_all({"masks": masks, "low_res_masks": low_res})
