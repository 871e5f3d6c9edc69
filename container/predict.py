"""Prediction without a server: the same path from bytes to bytes, in this process."""

from dataclasses import replace

from container import app
from container.errors import ModelError
from container.formats import formats, load
from container.images.decode import decode
from container.protocols.sagemaker import attributes
from container.service.services import DEFAULT_MODEL
from container.settings import Settings
from container.structures import Choice
from container.telemetry.timing import Timings


class Predictor:
    """A loaded model and one way to answer."""

    def __init__(self, settings: Settings, form: str, attribute_text: str) -> None:
        """Load the model of `settings`, waiting for it; ModelError or BadRequest in one line."""
        load()
        given = attributes.parse(attribute_text, app.read_defaults(settings).attributes)
        self._choice = Choice(form, given.options(), given.appearance())
        self._services = app.start_services(replace(settings, multi_model=False))
        self._services.repository.wait(DEFAULT_MODEL)
        healthy, reason = self._services.health()
        if not healthy:
            raise ModelError(reason)

    def predict(self, data: bytes) -> bytes:
        """The answer to one encoded picture; any ServingError but those of HTTP."""
        image = decode(data, self._services.limits)
        timings = Timings(self._services.deadline_seconds)
        form = formats[self._choice.format]
        result = self._services.inference.predict(image, form.options(self._choice), DEFAULT_MODEL, timings)
        return form.encode(result, self._choice)
