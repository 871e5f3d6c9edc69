"""One picture through one model."""

from container.engines._base import Engine
from container.errors import BadRequest
from container.models.repository import Repository
from container.structures import Image, Options, Result
from container.telemetry import metrics
from container.telemetry.timing import Timings


class Inference:
    """Leases models and predicts with them; a caller may ask for `max_detections` masks or keypoints."""

    def __init__(self, repository: Repository, max_detections: int = 1000) -> None:
        self._repository = repository
        self._max_detections = max_detections

    def admit(self, model: str, timings: Timings) -> None:
        """Raise, before any work, what `predict` would: ModelNotFound, ModelNotReady, Overloaded."""
        with self._repository.lease(model) as leased:
            leased.dispatcher.admit(timings.deadline)

    def predict(self, image: Image, options: Options, model: str, timings: Timings) -> Result:
        """Predict, and add the stages `queue` and `inference` to `timings`.

        BadRequest where `options.class_filter` names no class of the model, or for too many masks or keypoints;
        ModelNotFound, ModelNotReady, Overloaded, DeadlineExceeded, ClientGone and OutOfMemory as they come from below.
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
            self._check_count(leased.engine, options)
            timings.check()
            answer = leased.dispatcher.predict(image.pixels, options, timings.deadline, timings.gone)
            timings.add("queue", answer.queue_ms)
            timings.add("inference", answer.inference_ms)
            result = Result(image, answer.prediction, leased.name)
        metrics.DETECTIONS.labels(result.model).inc(len(result.prediction))
        return result

    def _check_count(self, engine: Engine, options: Options) -> None:
        """BadRequest for more masks or keypoints than the limit, or than the model makes for who asks for no number."""
        if options.max_detections is None:
            return
        own = engine.default_instances(options)
        if own is None:
            return
        allowed = max(self._max_detections, own)
        if options.max_detections > allowed:
            raise BadRequest(
                f"max_detections is {options.max_detections}; answers with masks or keypoints hold at most {allowed}",
                hint="ask for fewer, or for labels and boxes alone; the limit is set by MASKSERVE_MAX_DETECTIONS",
            )
