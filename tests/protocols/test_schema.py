"""What /openapi.json says is what happens, for requests that nobody would think of."""

import base64
import io

import numpy as np
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from container.app import create_app
from container.settings import Settings
from tests.conftest import ROOT, encode
from tests.fakes import LABELS, FakeEngine, FakeLoader, ready_services, started

SMALL = np.full((3, 4, 3), 128, np.uint8)


def npy(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, pixels)
    return out.getvalue()


# A schema cannot say which bytes are a picture; with these, what fits it is good.
FILES = [encode(SMALL, form) for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(file).decode() for file in FILES]))
schemathesis.openapi.format("label", st.sampled_from(LABELS[1:]))
for media_type in ("image/jpeg", "image/png", "application/x-image", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, st.sampled_from(FILES))
schemathesis.openapi.media_type("application/x-npy", st.sampled_from([npy(SMALL), npy(SMALL[None])]))

app = create_app(Settings(), ready_services(FakeEngine()))
several = create_app(Settings(), started(ROOT / "container", FakeLoader()))
# The runtime's route answers with ModelError (424) whatever the container refuses.
CHECKS = {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 406, 413, 415, 422, 424]}}


def config(**checks: object) -> schemathesis.Config:
    analysis = {"constants": {"enabled": False}}  # strings of our source, put where a picture belongs
    return schemathesis.Config.from_dict({"analysis": analysis, "checks": CHECKS | checks})


# Nor can it say which names and places are those of models.
NAMED = {"expected-statuses": ["2xx", 400, 404, 409, 424]}
schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config())
multi_model = schemathesis.openapi.from_wsgi("/openapi.json", several, config=config(positive_data_acceptance=NAMED))


@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()


@multi_model.include(path_regex="models|invocations").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_multi_model_endpoint_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()
