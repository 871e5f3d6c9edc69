"""Embedding of pictures and texts by a CLIP model: those that are not kept are made together.

with pipeline.open(model, context) as run:
    vectors = Embedder(run, embeddings).embed(["a cat", lambda limits: given_json(value, limits)])
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np

from container.errors import BadRequest, PayloadTooLarge
from container.images.base import Given, Limits, digest
from container.images.pixel_budget import PixelShare
from container.images.sources import beside, numbered
from container.service.embeddings import Embeddings
from container.service.pipeline import Run
from container.service.segmenting import Family
from container.structures import Image
from container.structures.clip import MAX_BATCH, ClipQuery

_WAY = (
    "put a folder of transformers' CLIPModel into {folder}, with config.json, model.safetensors, "
    "preprocessor_config.json and tokenizer.json: from https://huggingface.co/openai/clip-vit-base-patch16, say"
)
CLIP = Family("clip", "clip_version_id", "ViT-B-16", _WAY)

# A picture that is decoded already, or a function that fetches one, which is decoded if its vector is not kept.
Picture = Given | Callable[[Limits], Given]


class Embedder:
    """One request to a CLIP model, in its run."""

    def __init__(self, run: Run, embeddings: Embeddings) -> None:
        """Lease the model: ModelNotFound, ModelNotReady; BadRequest for one of another kind."""
        self._engine = run.engine
        if self._engine.query is not ClipQuery:
            raise BadRequest(
                f"model {self._engine.spec.name!r} is for {self._engine.task}, and embeds no texts",
                hint="CLIP embeds pictures and texts",
            )
        self._run = run
        self._embeddings = embeddings
        self._found: dict[bytes, np.ndarray] = {}
        self._images: dict[bytes, Image] = {}  # that wait for the model
        self._texts: dict[bytes, str] = {}

    def embed(self, contents: Sequence[str | Picture]) -> np.ndarray:
        """Return the vector of each picture or text, float32 N×D.

        What is not kept goes to the model in one batch of pictures and one of texts; those over MAX_BATCH, and pictures
        that have together more pixels than one may have, go in several. Raises the errors of Run.admit and of Run.ask,
        and those of fetching and decoding, with the number of the picture.
        """
        keys, number = list[bytes](), 0
        pictures = sum(not isinstance(one, str) for one in contents)
        for content in contents:
            if isinstance(content, str):
                keys.append(self._add_text(content))
            else:
                number += 1
                where = partial(numbered, number, pictures) if pictures > 1 else nullcontext
                keys.append(self._add_picture(content, where))
        self._ask()
        return np.stack([self._found[key] for key in keys])

    def _add_text(self, text: str) -> bytes:
        """Let a text wait for the model unless its vector is known; return the digest of its content."""
        key = b"text" + digest(text.encode("utf-8", "surrogatepass"))
        if not self._is_known(key):
            self._texts[key] = text
        if len(self._texts) == MAX_BATCH:
            self._ask()
        return key

    def _add_picture(self, picture: Picture, where: Callable[[], AbstractContextManager[None]]) -> bytes:
        """Let a picture wait for the model unless its vector is known; return the digest of its content.

        `where` puts its number before the message of an error.
        """
        with where():  # fetching a picture is a part of decoding it
            given = picture if isinstance(picture, Given) else self._run.decode(lambda limits, share: picture(limits))
        if self._is_known(given.content):
            return given.content
        self._run.admit()
        decoded = partial(self._decoded, given)
        try:
            with where():
                image = self._run.decode(decoded)
        except PayloadTooLarge:
            if not self._images:
                raise
            self._ask()  # there may be room without the others
            with where():
                image = self._run.decode(decoded)
        self._images[given.content] = image
        if len(self._images) == MAX_BATCH:
            self._ask()
        return given.content

    def _decoded(self, given: Given, limits: Limits, share: PixelShare) -> Image:
        if not self._images:
            share.give_back()  # what it holds is of pictures that the model has seen
        images = given.read(beside([*self._images.values()], limits), share).images
        if len(images) != 1:
            raise BadRequest(f"a value of the request holds {len(images)} pictures; CLIP takes one of each")
        return images[0]

    def _is_known(self, key: bytes) -> bool:
        """Return True for content whose vector is found, kept, or waited for."""
        if key not in self._found:
            self._found |= self._embeddings.vectors(self._engine, [key])
        return key in self._found or key in self._images or key in self._texts

    def _ask(self) -> None:
        """Ask the model for what waits, and keep the vectors."""
        if not self._images and not self._texts:
            return
        query = ClipQuery([image.pixels for image in self._images.values()], [*self._texts.values()])
        (answer,) = self._run.ask([query])
        made = dict(zip([*self._images, *self._texts], [*answer.pictures, *answer.texts], strict=True))
        self._embeddings.keep_vectors(self._engine, made)
        self._found |= made
        self._images.clear()
        self._texts.clear()
