"""Segmentation by prompts: a picture is embedded once, and found again by its content or by an id that was given to it.

with pipeline.open(model, context) as run:
    segmenter = Segmenter(run, embeddings, context)
    embedding = segmenter.embed(given, "photo")  # or segmenter.recall("photo")
    segmentation = segmenter.segment(embedding, prompts)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from container.engines.promptable import PromptEngine
from container.errors import BadRequest, ModelNotFound, NotOffered, PayloadTooLarge, setting_name, shown
from container.images.base import Given, given_image
from container.models.policies import Policy
from container.service.embeddings import Embeddings
from container.service.pipeline import RequestContext, Run
from container.structures import Embedding, Image, Options, Prompt, PromptQuery, Result, Segmentation
from container.structures.prompts import LABEL

MAX_LOGITS = 1 << 26  # float32 values of one answer: 256 MB
MAX_PIXELS = 1 << 32  # of all masks of one answer, a bit each: 512 MB


_WAY = (
    "put a Hugging Face folder or a pair of ONNX files into {folder}; "
    "`make sam STORE=FOLDER` fetches a small pair for /sam"
)


class Family(NamedTuple):
    """Models that are asked for by version, stored below a folder of that name."""

    name: str
    field: str  # of a request, with the version
    usual: str  # the version where a request names none and this one is there
    way: str = _WAY  # what to do where there are no weights; {folder} is where they belong

    def find(self, version: str | None, policy: Policy) -> str:
        """Return the id of the model of a version, None if the request names none.

        Raises NotOffered for a version that is not there, or if there is none; BadRequest if one has to be named.
        """
        there = policy.versions(self.name)
        folder = f"{setting_name('model_store')}/{self.name}/VERSION/"
        way = self.way.format(folder=folder)
        if version is None:
            if not there:
                raise NotOffered(f"there are no weights for /{self.name}", hint=way)
            if self.usual not in there and len(there) > 1:
                raise BadRequest(
                    f"{self.field} is missing, and there are several versions: {', '.join(there)}",
                    hint=f'such as {{"{self.field}": "{next(iter(there))}"}}',
                )
            return there.get(self.usual) or next(iter(there.values()))
        if version in there:
            return there[version]
        try:
            policy.find(f"{self.name}/{version}")
        except ModelNotFound:
            raise NotOffered(
                f"there are no weights for {self.field} {shown(version)}; there are: {', '.join(there) or 'none'}",
                hint=way,
            ) from None
        return f"{self.name}/{version}"


class Segmenter:
    """One request to a promptable model, in its run."""

    def __init__(self, run: Run, embeddings: Embeddings, context: RequestContext) -> None:
        """Lease the model: ModelNotFound, ModelNotReady; BadRequest for one of another kind."""
        engine = run.engine
        if not isinstance(engine, PromptEngine):
            raise BadRequest(
                f"model {engine.spec.name!r} is for {engine.task}, and takes no prompts",
                hint="prompts are for Segment Anything",
            )
        self.engine: PromptEngine = engine
        self._run = run
        self._embeddings = embeddings
        self._context = context

    def embed(self, given: Given, image_id: str = "") -> Embedding:
        """Return the embedding of a picture, which is decoded only if that is not kept; the id stands for it then.

        Raises the errors of Run.admit, of decoding and of Run.ask, and BadRequest for several pictures.
        """
        found = self._embeddings.find(self.engine, given.content, lambda: self._make(given), self._context.deadline)
        if image_id:
            self._embeddings.name(self.engine, image_id, given.content)
        return found

    def embed_image(self, image: Image) -> Embedding:
        """Return the embedding of a picture that is decoded; raises as `embed`."""
        return self.embed(given_image(image))

    def _make(self, given: Given) -> Embedding:
        self._run.admit()
        images = self._run.decode(given.read).images
        if len(images) != 1:
            raise BadRequest(f"the request holds {len(images)} pictures; Segment Anything takes one")
        (segmentation,) = self._run.ask([PromptQuery(images[0].pixels)])
        return segmentation.embedding  # type: ignore[no-any-return]  # `ask` is for any kind

    def recall(self, image_id: str) -> Embedding:
        """Return the embedding that an id stands for; BadRequest if none is kept."""
        found = self._embeddings.named(self.engine, image_id)
        if found is None:
            raise BadRequest(
                f"no picture is kept under the image_id {image_id!r}",
                hint="send the picture with it: ids are kept for the pictures used last, by each server process",
            )
        return found

    def segment(self, embedding: Embedding, prompts: Sequence[Prompt], **how: Any) -> Segmentation:
        """Return the masks for each prompt; `how` are further fields of PromptQuery.

        Raises the errors of Run.ask, and PayloadTooLarge for more than MAX_LOGITS or MAX_PIXELS.
        """
        query = PromptQuery(embedding, prompts, **how)
        height, width = embedding.image_size
        masks = len(prompts) * (1 if query.best else 3)
        most = MAX_LOGITS if query.logits else MAX_PIXELS
        if masks * height * width > most:
            raise PayloadTooLarge(
                f"{masks} masks of {width}×{height} pixels{' with their logits' if query.logits else ''} are "
                f"{masks * height * width / 1e6:.0f} million values; one answer has at most {most / 1e6:.0f} million",
                hint="ask for json or rle, for fewer prompts, or send a smaller picture",
            )
        (segmentation,) = self._run.ask([query])
        return segmentation  # type: ignore[no-any-return]  # as above

    def predict(self, image: Image, prompts: Sequence[Prompt], options: Options) -> Result:
        """Return the best mask of each prompt as an instance, as far as `options` want it; raises as `segment`."""
        found = self.segment(self.embed_image(image), prompts).instances()
        keep = found.scores >= (options.confidence or 0)
        if options.class_filter is not None:
            keep &= LABEL in options.class_filter
        best = np.argsort(-found.scores, kind="stable")[: options.max_detections]
        kept = np.flatnonzero(keep & np.isin(np.arange(len(found)), best))
        return Result(image, found[kept], self.engine.spec.name)

    def keep_logits(self, image_id: str, segmentation: Segmentation) -> None:
        """Keep the low-resolution logits of the best mask of each prompt under the id of a picture, if it has one."""
        if image_id:
            best = np.stack([one.low_res[0] for one in segmentation.segments])
            self._embeddings.keep_logits(self.engine, image_id, best)

    def kept_logits(self, image_id: str) -> np.ndarray | None:
        """Return the logits kept last under an id, float32 P×h×w of P prompts, or None: also if none can go in."""
        kept = self._embeddings.logits(self.engine, image_id) if image_id else None
        return kept if kept is not None and kept.shape[1:] == self.engine.mask_size else None
