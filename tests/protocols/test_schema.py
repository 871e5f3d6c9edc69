"""What /openapi.json says is what happens, for requests that nobody would think of."""

import base64
import io
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from container.app import create_app
from container.protocols.sagemaker.negotiation import UNTYPED
from container.scoring.config import Config
from container.settings import Settings
from container.store import benchmarks, datasets, evaluations, items, models, presets, runs
from container.store.objects import ItemRow
from container.store.store import Store
from tests.conftest import encode
from tests.fake_reader import reading_services
from tests.fakes import LABELS, FakeClipEngine, FakeEngine, FakeGazeEngine, FakeLoader, ready_services, started, tried

SMALL = np.full((3, 4, 3), 128, np.uint8)


def npy(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, pixels)
    return out.getvalue()


# A schema cannot say which bytes are a picture; with these, what fits it is good.
FILES = [encode(SMALL, form) for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(file).decode() for file in FILES]))
schemathesis.openapi.format("label", st.sampled_from(LABELS[1:]))
schemathesis.openapi.format("binary", st.sampled_from(FILES))
for media_type in ("image/jpeg", "image/png", *UNTYPED[1:]):
    schemathesis.openapi.media_type(media_type, st.sampled_from(FILES))
schemathesis.openapi.media_type("application/x-npy", st.sampled_from([npy(SMALL), npy(SMALL[None])]))


def open_store() -> tuple[Store, dict[str, str]]:
    """A store with one of everything: their ids as paths name them."""
    store = Store.open(Path(FOLDER.name) / "store")
    with store.write() as c:
        dataset, model = datasets.create(c, "streets"), models.create(c, "net", "net-1")
        run = runs.create(c, models.find(c, model).key, datasets.find(c, dataset).key, "first")
        row = ItemRow("a", "s3://b/k", '{"reference_id":"a","image_url":"s3://b/k"}')
        key, of_run = datasets.find(c, dataset).key, runs.find(c, run)
        items.add(c, key, [(row, None)], replace=False)
        benchmark = benchmarks.create(c, "b", benchmarks.READY)
        of = {"purpose": evaluations.EVALUATION, "model_key": of_run.model_key, "run_key": of_run.key}
        selection = evaluations.Selection((key,), (of_run.key,))
        evaluation = evaluations.create(c, **of, selection=selection, config=Config(class_agnostic=False).as_dict())
        preset = presets.create(c, "p", {})
    ids = {"dataset_id": dataset, "model_id": model, "run_id": run, "benchmark_id": benchmark.id}
    return store, {**ids, "evaluation_id": evaluation.id, "preset_id": preset.id}


FOLDER = tempfile.TemporaryDirectory()  # stands for S3, and has a model of the second application
app = create_app(Settings(local_s3=FOLDER.name, async_output="s3://results"), ready_services(FakeEngine()))
(Path(FOLDER.name) / "a").mkdir()
several = create_app(Settings(), started(Path(FOLDER.name), FakeLoader()))
segmenting = create_app(Settings(), ready_services(tried()))
embedding = create_app(Settings(), ready_services(FakeClipEngine()))
looking = create_app(Settings(), ready_services(FakeGazeEngine()))


def config(**more: Any) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "analysis": {"constants": {"enabled": False}},  # strings of our source, put where a picture belongs
            "parameters": {"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"},  # which others there are no schema can say
            # The runtime's route answers with ModelError (424) whatever the container refuses.
            "checks": {
                "negative_data_rejection": {"expected-statuses": [400, 404, 405, 406, 413, 415, 422, 424]},
                **more.pop("checks", {}),
            },
            **more,
        }
    )


one_model = schemathesis.openapi.from_wsgi(
    "/openapi.json",
    app,
    config=config(
        operations=[
            {  # which opens no session
                "include-path": "/endpoints/{name}/invocations-response-stream",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400]}},
            },
            {  # which fetches no pictures here
                "include-operation-id": "roboflow_infer_by_address",
                "checks": {"positive_data_acceptance": {"expected-statuses": [400, 404]}},
            },
            {  # whose specifications, names and inputs no schema can say
                "include-path-regex": "workflows",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
            },
            {  # which takes a body or a location, not both, as long as its queue has room, and reads them later
                "include-path-regex": "async-invocations$",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": [202, 400, 429]},
                    "negative_data_rejection": {"enabled": False},
                },
            },
        ]
    ),
).exclude(  # each answers it to whatever is sent, but for workflows: a step may need a model that is not there
    lambda context: "501" in context.operation.definition.raw["responses"] and "workflow" not in context.operation.path
)
# Nor can a schema say which names and places are those of models; there are no sessions here.
NAMED = {"expected-statuses": ["2xx", 400, 404, 409, 424]}
multi_model = schemathesis.openapi.from_wsgi(
    "/openapi.json", several, config=config(checks={"positive_data_acceptance": NAMED})
).exclude(operation_id_regex="^roboflow")  # models by id are loaded from a store, which this server has not

# Nor which versions and pictures there are, which text is one, and that points have as many labels. Unknown members are
# passed over.
UNKNOWN = {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 415, 422, 501]}}
SOME = config(
    checks={
        **UNKNOWN,
        "negative_data_rejection": {"enabled": False},
        "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
    }
)
reading = schemathesis.openapi.from_wsgi(
    "/openapi.json",
    create_app(Settings(), reading_services()),
    config=config(
        checks={
            "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 415, 501]},
            "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
        },
    ),
)
comparing = schemathesis.openapi.from_wsgi("/openapi.json", embedding, config=SOME)
promptable = schemathesis.openapi.from_wsgi("/openapi.json", segmenting, config=SOME)
gazes = schemathesis.openapi.from_wsgi("/openapi.json", looking, config=SOME)
# Nor which datasets, items and runs there are, and whose signature is good. Members that nobody knows are kept.
STORE, IDS = open_store()
kept = create_app(Settings(protocols="nucleus"), replace(ready_services(FakeEngine()), store=STORE))
keeping = schemathesis.openapi.from_wsgi(
    "/openapi.json",
    kept,
    config=config(
        checks={
            "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 401, 404, 409, 501]},
            "negative_data_rejection": {"enabled": False},
            "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
        },
        parameters={**IDS, "name": "a/b", "index": "0"},
        operations=[
            *(  # which are datasets, too, for who deletes one
                {"include-path-regex": f"dataset/{name}$", "checks": {"allow_header_conformance": {"enabled": False}}}
                for name in ("create", "details")
            ),
            {  # which would leave nothing to others
                "include-operation-id": [
                    f"nucleus_remove_{name}"
                    for name in ("dataset", "model", "run", "benchmark", "evaluation", "preset")
                ],
                "parameters": {name: "none" for name in IDS},
            },
        ],
    ),
).exclude(lambda context: "200" not in context.operation.definition.raw["responses"])


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Drop what no schema can say.

    A placeholder is a good answer to a bad picture, only JSON holds several pictures, and an empty limit is as good as
    none (allowEmptyValue).
    """
    body = case.body if isinstance(case.body, dict) else {}
    pictures = [body.get(key) for key in ("instances", "inputs")]
    several = any(isinstance(one, list) and len(one) > 1 for one in pictures)
    placeholder = "placeholder" in str((case.headers, case.query, body))
    return not several and not placeholder and (case.query or {}).get("limit", 1) not in ("", {}, [], None)


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    yield
    for one in (app, kept):
        one.services.draining.set()
        one.close()
    FOLDER.cleanup()


@one_model.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@multi_model.include(path_regex="models|invocations").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_multi_model_endpoint_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@promptable.include(path_regex="^/sam2?/").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_segment_anything_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@reading.include(path_regex="^/(doctr/ocr|easy_ocr/ocr|ocr/pp-ocr)$").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_reading_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@comparing.include(path_regex="^/clip/").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_clip_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@gazes.include(path_regex="^/gaze/").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_gazes_are_answered_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


EVALUATING = "v1/nucleus/.*(evaluation|benchmark|leaderboard)"


@keeping.include(path_regex="^/v1/nucleus").exclude(path_regex=f"^/{EVALUATING}").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_store_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@keeping.exclude(path_regex=f"^/(?!{EVALUATING})").parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_evaluations_answer_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()
