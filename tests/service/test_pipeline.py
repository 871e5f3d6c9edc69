"""The pipeline: one lease, pictures submitted together, and how many masks or keypoints a caller may ask for."""

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.errors import BadRequest
from container.images.source import Limits
from container.service import Pipeline, RequestContext
from container.service.services import DEFAULT_MODEL
from container.settings import Settings
from container.structures import Image, Options
from tests.fakes import FakeEngine, ready_services

IMAGE = Image(np.zeros((4, 6, 3), np.uint8))


class HeadedEngine(FakeEngine):
    """Its masks come from a head that sees `own` boxes of a picture by default; None: it has no such head."""

    own: int | None = 100

    def default_instances(self, options: Options) -> int | None:
        return None if options.skip_masks else self.own


def predict(own: int | None, limit: int, options: Options) -> list[Options]:
    engine = HeadedEngine()
    engine.own = own
    services = ready_services(engine)
    try:
        pipeline = Pipeline(services.repository, Limits(), max_detections=limit)
        with pipeline.open(DEFAULT_MODEL, RequestContext(10)) as run:
            run.predict([IMAGE], options)
    finally:
        services.repository.close()
    return engine.asked_for


@pytest.mark.parametrize(
    ("own", "options"),
    [
        (100, Options()),
        (100, Options(max_detections=300)),
        (100, Options(max_detections=100_000, skip_masks=True)),
        (None, Options(max_detections=100_000)),
        (500, Options()),
        (500, Options(max_detections=500)),
    ],
)
def test_what_may_be_asked_for(own: int | None, options: Options) -> None:
    assert predict(own, 300, options) == [options]


@pytest.mark.parametrize(("own", "most"), [(100, 300), (500, 500)])
def test_more_is_refused(own: int, most: int) -> None:
    with pytest.raises(BadRequest, match=f"max_detections is {most + 1}; .* hold at most {most}$") as refused:
        predict(own, 300, Options(max_detections=most + 1))
    assert "MASKSERVE_MAX_DETECTIONS" in refused.value.hint


@pytest.mark.parametrize(
    ("attributes", "accept", "status"),
    [
        ('{"max_detections": 1000, "masks": "rle"}', "*/*", 200),
        ('{"max_detections": 1001}', "application/json", 200),
        ('{"max_detections": 1001, "format": "clarify"}', "application/json", 200),
        ('{"max_detections": 1001, "masks": "rle"}', "application/json", 400),
        ('{"max_detections": 1001, "masks": "polygon"}', "application/jsonlines", 400),
        ('{"max_detections": 1001}', "image/png", 400),
        ('{"max_detections": 1001, "render": "mask"}', "image/jpeg", 400),
    ],
)
def test_over_http(attributes: str, accept: str, status: int, small_png: bytes) -> None:
    client: FlaskClient = create_app(Settings(), ready_services(HeadedEngine())).test_client()
    headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes, "Accept": accept}
    response = client.post("/invocations", data=small_png, headers=headers)
    assert response.status_code == status
    if status == 400:
        assert response.json["error"]["message"].startswith("max_detections is 1001; ")
        assert "MASKSERVE_MAX_DETECTIONS" in response.json["error"]["hint"]
