"""One picture through one model."""

from container.errors import BadRequest
from container.models.repository import Repository
from container.structures import Image, Options, Result
from container.telemetry import metrics
from container.telemetry.timing import Timings


class Inference:
    """Leases models and predicts with them."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def admit(self, model: str, timings: Timings) -> None:
        """Raise, before any work, what `predict` would: ModelNotFound, ModelNotReady, Overloaded."""
        with self._repository.lease(model) as leased:
            leased.dispatcher.admit(timings.deadline)

    def predict(self, image: Image, options: Options, model: str, timings: Timings) -> Result:
        """Predict, and add the stages `queue` and `inference` to `timings`.

        BadRequest where `options.class_filter` names no class of the model; ModelNotFound, ModelNotReady, Overloaded,
        DeadlineExceeded, ClientGone and OutOfMemory as they come from below.
        """
        with self._repository.lease(model) as leased:
            labels = leased.engine.labels
            unknown = [name for name in options.class_filter or () if name not in labels]
            if unknown:
                names = [name for name in labels if name not in ("__background__", "N/A")]
                raise BadRequest(
                    f"class_filter names {unknown[0][:40]!r}, which the model does not know",
                    hint="it knows: " + ", ".join(names[:100]),
                )
            timings.check()
            answer = leased.dispatcher.predict(image.pixels, options, timings.deadline, timings.gone)
            timings.add("queue", answer.queue_ms)
            timings.add("inference", answer.inference_ms)
            result = Result(image, answer.prediction, leased.name)
        metrics.DETECTIONS.labels(result.model).inc(len(result.prediction))
        return result
