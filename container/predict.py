"""Prediction without a server, in this process, through the same pipeline from bytes to bytes."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from container import app, memory
from container.engines.base import Engine
from container.engines.promptable import PromptEngine
from container.errors import BadRequest, ModelError, OutOfMemory, ServingError
from container.formats import Documents, formats, ranked, vectors
from container.images.base import given_image
from container.images.decode import decode
from container.models.policies.catalogue import Catalogue
from container.protocols.sagemaker.protocol import read_defaults
from container.service import RequestContext, reading
from container.service.embedding import Embedder
from container.service.pipeline import Run
from container.service.segmenting import Segmenter
from container.settings import Settings
from container.structures import Choice, Image, Prompt
from container.structures.clip import ClipQuery
from container.structures.texts import TextQuery

_NPY = "npy"  # the format of embeddings, which no other model has


def choose(settings: Settings, form: str | None, attributes: str, options: Mapping[str, Any]) -> Choice:
    """Return the choice of a request with the custom `attributes`, a JSON object, and with `options` put over them.

    Without the name `form` the attributes choose the format, and if these do not, it is "": the model's usual one.
    Raises ValueError for an invalid setting, BadRequest for an unknown key or a wrong value, and NotAcceptable for a
    format that cannot hold what is to be rendered.
    """
    defaults = read_defaults(settings)
    negotiation = defaults.negotiation
    given = negotiation.parse(attributes, defaults.attributes)
    if given.ignored:
        known = ", ".join(negotiation.attributes)
        raise BadRequest(f"custom attribute {given.ignored[0][:60]!r} is unknown; known: {known}")
    given = replace(given, values={**given.values, **options})
    chosen = "response_type" in given.values or "format" in given.values
    if chosen and not form:
        return negotiation.choose("", given, next(iter(negotiation.offers)))
    if form and form in formats:
        formats[form].check(given.appearance())
    return Choice(form or "", given.options(), given.appearance())


class Predictor:
    """A loaded model with one output format and one set of options."""

    def __init__(self, settings: Settings, choice: Choice, prompt: Prompt | None = None) -> None:
        """Load the model of `settings` and wait for it; a promptable one takes a prompt, the same for every image.

        Without a format in `choice`, a mask of a prompt is drawn, text is text, an embedding is .npy, and all else is
        JSON. Raises ModelError, or BadRequest for options that this model does not take; both in one line.
        """
        self._prompt = prompt
        policy = Catalogue(app.find_model(settings))
        app.check_policy(settings, policy)
        self._services = app.create_services(
            replace(settings, store_predictions="", store_predictions_baseline=""), policy
        )
        self._services.pool.start()
        health, reason = self._services.pool.settle()
        if health != "ready":
            raise ModelError(reason)
        try:
            with self._services.pipeline.open(Catalogue.served, RequestContext(self._services.deadline_seconds)) as run:
                self._choice = choice if choice.format else replace(choice, format=self._usual(run.engine, choice))
                self._check(run)
        except BadRequest:
            self.close()
            raise

    @property
    def prints(self) -> bool:
        """True if answers can be printed."""
        return self._choice.format != _NPY and formats[self._choice.format].text

    @property
    def is_plain(self) -> bool:
        """True if answers are text that is no JSON."""
        return self._choice.format == _plain()

    @property
    def suffix(self) -> str:
        """The ending of an answer's file."""
        return vectors.SUFFIX if self._choice.format == _NPY else formats[self._choice.format].suffix

    def _usual(self, engine: Engine[Any, Any], choice: Choice) -> str:
        if engine.query is ClipQuery:
            return _NPY
        if engine.query is TextQuery:
            return _plain()
        text = self._prompt is None
        return next(one.name for one in ranked() if one.text == text and one.holds(choice.appearance))

    def _check(self, run: Run) -> None:
        if self._prompt is not None and not isinstance(run.engine, PromptEngine):
            raise BadRequest("--points and --box are for promptable models, such as sam")
        if isinstance(run.engine, PromptEngine):
            if self._prompt is None:
                raise BadRequest(
                    "this model takes a prompt", hint='such as --points "380,350", or --box "100,50,400,350"'
                )
        elif run.engine.query is ClipQuery:
            if self._choice.format != _NPY and not isinstance(formats[self._choice.format], Documents):
                raise BadRequest(f"this model embeds pictures: there is no {self._choice.format} of an embedding")
        elif run.engine.query is not TextQuery:
            run.check_options(self._choice.options, formats[self._choice.format].needs_masks(self._choice))

    def close(self) -> None:
        """Wait for the thread that predicts, and drop the model."""
        self._services.pool.close()

    def predict(self, data: bytes) -> bytes:
        """Return the encoded result for one encoded image; raises any ServingError except those of HTTP.

        An error that nobody foresaw is told as it is: who runs this owns the machine.
        """
        context = RequestContext(self._services.deadline_seconds)
        try:
            with self._services.pipeline.open(Catalogue.served, context) as run:
                return self._answer(run, context, run.decode(partial(decode, data)))
        except ServingError:
            raise
        except Exception as error:
            if memory.lacking(error):
                raise OutOfMemory("there is not enough memory for this picture") from None
            raise ServingError(f"unexpected {type(error).__name__}: {' '.join(str(error).split())}") from error

    def _answer(self, run: Run, context: RequestContext, image: Image) -> bytes:
        options = self._choice.options
        if run.engine.query is ClipQuery:
            found = Embedder(run, self._services.embeddings).embed([given_image(image)])
            form = None if self._choice.format == _NPY else formats[self._choice.format]
            assert form is None or isinstance(form, Documents)  # see _check
            return run.write(partial(vectors.encode, found, form, False), [])
        form = formats[self._choice.format]
        if self._prompt is not None:
            segmenter = Segmenter(run, self._services.embeddings, context)
            results = [segmenter.predict(image, [self._prompt], options)]
        elif run.engine.query is TextQuery:
            results = reading.read(run, [image], options)
        else:
            results = run.predict([image], options, form.needs_masks(self._choice))
        return run.encode(form, results, self._choice)


def _plain() -> str:
    """Return the name of the format that is text, and no JSON."""
    return next(one.name for one in ranked() if one.media_type.startswith("text/"))
