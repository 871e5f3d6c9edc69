"""Prediction without a server, in this process, through the same pipeline from bytes to bytes."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from container import app, memory
from container.engines.promptable import PromptEngine
from container.errors import BadRequest, ModelError, OutOfMemory, ServingError
from container.formats import formats, ranked
from container.images.decode import decode
from container.models.policies.catalogue import Catalogue
from container.protocols.sagemaker.protocol import read_defaults
from container.service import RequestContext
from container.service.pipeline import Run
from container.service.segmenting import Segmenter
from container.settings import Settings
from container.structures import Choice, Prompt


def choose(
    settings: Settings, form: str | None, attributes: str, options: Mapping[str, Any], picture: bool = False
) -> Choice:
    """Return the choice of a request with the custom `attributes`, a JSON object, and with `options` put over them.

    Without the name `form` the attributes choose the format, and if these do not, it is a `picture` or JSON.
    Raises ValueError for an invalid setting, and BadRequest for an unknown key or a wrong value.
    """
    defaults = read_defaults(settings)
    negotiation = defaults.negotiation
    given = negotiation.parse(attributes, defaults.attributes)
    if given.ignored:
        known = ", ".join(negotiation.attributes)
        raise BadRequest(f"custom attribute {given.ignored[0][:60]!r} is unknown; known: {known}")
    given = replace(given, values={**given.values, **options})
    if picture and form is None and "response_type" not in given.values:
        form = next(one.name for one in ranked() if not one.text)
    choice = negotiation.choose("", given, next(iter(negotiation.offers)))
    return replace(choice, format=form) if form else choice


class Predictor:
    """A loaded model with one output format and one set of options."""

    def __init__(self, settings: Settings, choice: Choice, prompt: Prompt | None = None) -> None:
        """Load the model of `settings` and wait for it; a promptable one takes a prompt, the same for every image.

        Raises ModelError, or BadRequest for options that this model does not take; both in one line.
        """
        self._choice = choice
        self._prompt = prompt
        self._form = formats[choice.format]
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
                self._check(run)
        except BadRequest:
            self.close()
            raise

    def _check(self, run: Run) -> None:
        if not isinstance(run.engine, PromptEngine):
            if self._prompt is not None:
                raise BadRequest("--points and --box are for promptable models, such as sam")
            run.check_options(self._choice.options, self._form.needs_masks(self._choice))
        elif self._prompt is None:
            raise BadRequest("this model takes a prompt", hint='such as --points "380,350", or --box "100,50,400,350"')

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
                image = run.decode(partial(decode, data))
                if self._prompt is None:
                    results = run.predict([image], self._choice.options, self._form.needs_masks(self._choice))
                else:
                    segmenter = Segmenter(run, self._services.embeddings, context)
                    results = [segmenter.predict(image, [self._prompt], self._choice.options)]
                return run.encode(self._form, results, self._choice)
        except ServingError:
            raise
        except Exception as error:
            if memory.lacking(error):
                raise OutOfMemory("there is not enough memory for this picture") from None
            raise ServingError(f"unexpected {type(error).__name__}: {' '.join(str(error).split())}") from error
