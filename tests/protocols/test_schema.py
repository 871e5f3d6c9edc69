"""What /openapi.json says is what happens, for requests that nobody would think of."""

import base64
import io
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import LABELS, FakeEngine, ready_services

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

FOLDER = tempfile.TemporaryDirectory()  # stands for S3
app = create_app(Settings(local_s3=FOLDER.name, async_output="s3://results"), ready_services(FakeEngine()))
# The runtime's route answers with ModelError (424) whatever the container refuses.
config = schemathesis.Config.from_dict(
    {
        "analysis": {"constants": {"enabled": False}},  # strings of our source, put where a picture belongs
        "parameters": {"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"},  # which others there are no schema can say
        "checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 406, 413, 415, 422, 424]}},
        "operations": [
            {  # which opens no session
                "include-path": "/endpoints/{name}/invocations-response-stream",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400]}},
            },
            {  # which takes a body or a location, but not both, and looks at what is in them later
                "include-path": "/endpoints/{name}/async-invocations",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": [202, 400]},
                    "negative_data_rejection": {"enabled": False},
                },
            },
        ],
    }
)
schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)


@schema.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """A placeholder is a good answer to a bad picture."""
    return "placeholder" not in str(case.headers)


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    yield
    app.extensions["services"].draining.set()
    app.extensions["jobs"].close()
    FOLDER.cleanup()


@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()
