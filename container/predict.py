"""Prediction without a server, in this process, through the same pipeline from bytes to bytes."""

from dataclasses import replace
from functools import partial

from container import app
from container.errors import ModelError
from container.formats import formats, load
from container.images.decode import decode
from container.protocols.sagemaker import negotiation
from container.protocols.sagemaker.protocol import read_defaults
from container.service import RequestContext
from container.service.services import DEFAULT_MODEL
from container.settings import Settings
from container.structures import Choice


class Predictor:
    """A loaded model with one output format."""

    def __init__(self, settings: Settings, form: str, attribute_text: str) -> None:
        """Load the model of `settings` and wait for it; ModelError or BadRequest with a one-line message."""
        load()
        given = negotiation.parse(attribute_text, read_defaults(settings).attributes)
        self._choice = Choice(form, given.options(), given.appearance())
        self._services = app.start_services(replace(settings, multi_model=False))
        self._services.repository.wait(DEFAULT_MODEL)
        healthy, reason = self._services.health()
        if not healthy:
            raise ModelError(reason)

    def predict(self, data: bytes) -> bytes:
        """Return the encoded result for one encoded image; raises any ServingError except those of HTTP."""
        form = formats[self._choice.format]
        context = RequestContext(self._services.deadline_seconds)
        with self._services.pipeline.open(DEFAULT_MODEL, context) as run:
            image = run.decode(partial(decode, data))
            results = run.predict([image], form.options(self._choice))
            return run.encode(form, results, self._choice)
