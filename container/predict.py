"""Prediction without a server, in this process, through the same pipeline from bytes to bytes."""

from dataclasses import replace
from functools import partial

from container import app
from container.errors import ModelError
from container.formats import formats
from container.images.decode import decode
from container.models.policies.fixed import Fixed
from container.protocols.sagemaker.protocol import read_defaults
from container.service import RequestContext
from container.settings import Settings
from container.structures import Choice


class Predictor:
    """A loaded model with one output format."""

    def __init__(self, settings: Settings, form: str, attribute_text: str, **attributes: object) -> None:
        """Load the model of `settings` and wait for it; ModelError or BadRequest with a one-line message.

        `attributes` are put over those of `attribute_text`.
        """
        defaults = read_defaults(settings)
        given = defaults.negotiation.parse(attribute_text, defaults.attributes)
        given = replace(given, values={**given.values, **attributes})
        self._choice = Choice(form, given.options(), given.appearance())
        self._services = app.create_services(settings, Fixed(app.find_model(settings)))
        self._services.pool.start()
        health, reason = self._services.pool.settle()
        if health != "ready":
            raise ModelError(reason)

    def predict(self, data: bytes) -> bytes:
        """Return the encoded result for one encoded image; raises any ServingError except those of HTTP."""
        form = formats[self._choice.format]
        context = RequestContext(self._services.deadline_seconds)
        with self._services.pipeline.open(Fixed.served, context) as run:
            image = run.decode(partial(decode, data))
            results = run.predict([image], self._choice.options, form.needs_masks(self._choice))
            return run.encode(form, results, self._choice)
