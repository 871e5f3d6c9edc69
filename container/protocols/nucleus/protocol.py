"""The Nucleus protocol class: its paths, its open routes, its limits and the shape of its errors."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Request, Response, request

from container.errors import NotFound, ServingError
from container.protocols.nucleus import openapi, unavailable
from container.protocols.nucleus.bodies import MAX_BYTES
from container.protocols.nucleus.names import MASK_RULE, PREFIX, UPLOAD_RULE, UPLOADS, Routes
from container.service import Services
from container.settings import Settings, variables
from container.web.body import BodyLimits
from container.web.protocol import Protocol, Section

if TYPE_CHECKING:
    from container.protocols.nucleus.backend import Backend

_LEAST_RATE = 65_536  # bytes a second
# Of bodies that are read object by object, from a file.
_STREAMED = (
    f"{PREFIX}/dataset/<dataset_id>/append",
    f"{PREFIX}/dataset/<dataset_id>/annotate",
    f"{PREFIX}/dataset/<dataset_id>/metadata",
    f"{PREFIX}/dataset/<dataset_id>/model/<model_id>/uploadPredictions",
    f"{PREFIX}/dataset/<dataset_id>/modelRun/<run_id>/uploadPredictions",
    f"{PREFIX}/modelRun/<run_id>/predict",
    f"{PREFIX}/modelRun/<run_id>/uploadPredictions",
)

# Beginnings of paths, by section of /docs.
_DATASETS = tuple(
    PREFIX + path
    for path in ("/dataset/create", "/dataset/{dataset_id}/append", "/dataset", "/annotation", "/upload", "/mask")
)
_RUNS = tuple(
    PREFIX + path
    for path in (
        *("/models", "/model", "/dataset/{dataset_id}/modelRun", "/dataset/{dataset_id}/model"),
        *("/modelRun", "/dataset/{dataset_id}/model_runs"),
    )
)
_EVALUATIONS = tuple(
    PREFIX + path
    for path in (
        "/modelRun/{run_id}/commit",
        "/modelRun/{run_id}/metrics",
        "/modelRun/{run_id}/evaluationsV2",
        "/model/{model_id}/evaluationsV2",
        "/dataset/{dataset_id}/model/{model_id}/calculateEvaluationMetrics",
        "/evaluationsV2",
        "/evaluationV2Presets",
        "/benchmarks",
        "/leaderboard",
    )
)


class Nucleus(Protocol):
    """Datasets, ground truth, models and their predictions, kept in the store if there is one."""

    name = "nucleus"
    prefixes = (PREFIX,)
    open_routes = (UPLOAD_RULE, MASK_RULE)  # whose signatures are keys
    doubled_slashes = "data"
    sections = (
        Section("Nucleus: datasets", "Pictures and their ground truth, for scale-nucleus unchanged", _DATASETS, 71),
        Section("Nucleus: models and runs", "Models and what they predicted", _RUNS, 72),
        Section("Nucleus: evaluations", "Predictions compared with ground truth", _EVALUATIONS, 73),
        Section("Nucleus: jobs", "Work that goes on after an answer", (f"{PREFIX}/jobs", f"{PREFIX}/job"), 74),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._backend: Backend | None = None
        seconds = settings.read_seconds

        def on_disk(megabytes: float, name: str) -> BodyLimits:
            size = int(megabytes * 2**20)
            return BodyLimits(size, seconds, _LEAST_RATE, in_memory=False, setting=variables(name)[0])

        streamed = on_disk(settings.store_max_request_mb, "store_max_request_mb")
        self.body_limits = {
            PREFIX: BodyLimits(MAX_BYTES, seconds),
            UPLOADS: on_disk(settings.store_max_upload_mb, "store_max_upload_mb"),
            **dict.fromkeys(_STREAMED, streamed),
        }

    def facts(self, services: Services) -> Mapping[str, Any]:
        """Return whether there is a store."""
        return {"store": services.store is not None}

    def keys(self, request: Request) -> Iterator[str]:
        """Yield the candidate API keys of a request: also that of a client whose key is a limited one."""
        yield from super().keys(request)
        yield request.headers.get("X-Limited-Access-Key", "")

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprint of all routes, and start the work on jobs; without a store, of 501 for all."""
        blueprint = Routes(self.name, __name__)
        if services.store is None:
            unavailable.add_routes(blueprint, variables("store")[0])
        else:
            from container.protocols.nucleus import routes  # loads SQLAlchemy, for 0.2 s

            self._backend = routes.add_routes(blueprint, services.store, self.settings.public_url, services.draining)
        yield blueprint

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """Return the response to an error; a path that no route has is not implemented, which is no 404."""
        if error.status == NotFound.status and request.url_rule is None:
            error = unavailable.unlisted(request)
        return super().error_response(error, request_id)

    def error_document(self, error: ServingError, request_id: str) -> Mapping[str, Any]:
        """Return {"error": text}."""
        return {"error": f"{error.message}; {error.hint}" if error.hint else error.message}

    def error_body(self, error: ServingError, request_id: str) -> bytes:
        """Return that document without a space behind the colon, which tests of clients look for."""
        document = self.error_document(error, request_id)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")

    def components(self) -> Mapping[str, Any]:
        """Return the schemas that its operations refer to."""
        return openapi.COMPONENTS

    def close(self) -> None:
        """Stop the work on jobs, which others go on with, and close the store."""
        if self._backend is not None:
            self._backend.runner.close()
            self._backend.scorer.close()
            self._backend.store.close()
