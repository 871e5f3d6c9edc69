"""The pipeline: one lease, pictures submitted together, and how many masks or keypoints a caller may ask for."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.engines.preprocessing import applied
from container.errors import BadImage, BadRequest, ClientGone, DeadlineExceeded
from container.formats import formats
from container.images.base import Limits
from container.images.decode import decode
from container.models.policies.catalogue import Catalogue
from container.service import Pipeline, RequestContext
from container.settings import Settings
from container.structures import Choice, Image, ImageQuery, Options, Prediction, Preprocessing, PreprocessingStep
from tests.conftest import encode
from tests.fakes import SPEC, FakeEngine, ready_services

IMAGE = Image(np.zeros((4, 6, 3), np.uint8))


class HeadedEngine(FakeEngine):
    """Its masks come from a head that sees `own` boxes of a picture by default; None: it has no such head."""

    own: int | None = 100

    def default_instances(self, masks: bool) -> int | None:
        return self.own if masks else None


def predict(own: int | None, limit: int, options: Options, masks: bool = True, pictures: int = 1) -> list[Options]:
    engine = HeadedEngine()
    engine.own = own
    services = ready_services(engine)
    try:
        pipeline = Pipeline(services.pool, Limits(), max_detections=limit)
        with pipeline.open(Catalogue.served, RequestContext(10)) as run:
            run.predict([IMAGE] * pictures, options, masks)
    finally:
        services.pool.close()
    return engine.asked_for


@pytest.mark.parametrize(
    ("own", "options", "masks"),
    [
        (100, Options(), True),
        (100, Options(max_detections=300), True),
        (100, Options(max_detections=100_000), False),
        (None, Options(max_detections=100_000), True),
        (500, Options(), True),
        (500, Options(max_detections=500), True),
    ],
)
def test_what_may_be_asked_for(own: int | None, options: Options, masks: bool) -> None:
    assert predict(own, 300, options, masks) == [options]


@pytest.mark.parametrize(("own", "most"), [(100, 300), (500, 500)])
def test_more_is_refused(own: int, most: int) -> None:
    with pytest.raises(BadRequest, match=f"max_detections is {most + 1}; .* hold at most {most}$") as refused:
        predict(own, 300, Options(max_detections=most + 1))
    assert "MASKSERVE_MAX_DETECTIONS" in refused.value.hint


@pytest.mark.parametrize("own", [None, 100])
def test_pictures_of_one_request_share_what_one_may_have(own: int | None) -> None:
    assert len(predict(own, 1000, Options(max_detections=390), pictures=256)) == 256
    assert len(predict(own, 1000, Options(), pictures=256)) == 256
    with pytest.raises(BadRequest, match="max_detections is 391 for 256 pictures; .* 100000 in all$") as refused:
        predict(own, 1000, Options(max_detections=391), pictures=256)
    assert refused.value.hint.startswith("ask for 390 of each")


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


class CountingEngine(FakeEngine):
    """Notes how many pictures come at a time, and can predict no picture 7 pixels wide."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds=seconds)
        self.batches: list[int] = []

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        self.batches.append(len(queries))
        if any(query.pixels.shape[1] == 7 for query in queries):
            raise ZeroDivisionError
        return super().predict(queries)


@pytest.mark.parametrize(
    ("count", "batch_size", "batches"),
    [(1, 8, [1]), (8, 8, [8]), (20, 8, [8, 8, 4]), (3, 1, [1, 1, 1])],
)
def test_pictures_of_a_request_are_predicted_together(count: int, batch_size: int, batches: list[int]) -> None:
    engine = CountingEngine()
    services = ready_services(engine, queue_size=8, batch_size=batch_size)
    images = [Image(np.zeros((4 + i, 6, 3), np.uint8)) for i in range(count)]
    with services.pipeline.open(Catalogue.served, RequestContext(10)) as run:
        results = run.predict(images, Options())
    services.pool.close()
    assert [result.prediction.image_size for result in results] == [image.size for image in images]
    assert engine.batches == batches


@pytest.mark.parametrize(
    ("skip", "width"), [(frozenset(), 3), (frozenset({"grayscale"}), 3), (frozenset({"static_crop", "grayscale"}), 6)]
)
def test_a_caller_may_leave_steps_of_preprocessing_out(skip: frozenset[PreprocessingStep], width: int) -> None:
    spec = replace(SPEC, preprocessing=Preprocessing(True, static_crop=(50, 0, 100, 100)))
    services = ready_services(applied(FakeEngine(spec)))
    with services.pipeline.open(Catalogue.served, RequestContext(10)) as run:
        (result,) = run.predict([IMAGE], Options(), skip=skip)
    services.pool.close()
    found = result.prediction.instances()
    assert found.image_size == IMAGE.size
    assert (found.boxes[:, 0].min(), found.boxes[:, 2].max()) == (6 - width, 6)


@pytest.mark.parametrize(("gone_after", "deadline", "error"), [(3, 10, ClientGone), (99, 0.2, DeadlineExceeded)])
def test_no_more_pictures_are_predicted_than_are_waited_for(
    gone_after: int, deadline: float, error: type[Exception]
) -> None:
    engine = CountingEngine(seconds=0.05)
    services = ready_services(engine)
    context = RequestContext(deadline, gone=lambda: len(engine.batches) >= gone_after)
    with services.pipeline.open(Catalogue.served, context) as run, pytest.raises(error):
        run.predict([IMAGE] * 20, Options())
    services.pool.close()
    assert len(engine.batches) <= 5


def test_an_array_over_http_is_one_batch() -> None:
    engine = CountingEngine()
    client = create_app(Settings(), ready_services(engine, batch_size=8)).test_client()
    array = io.BytesIO()
    np.save(array, np.zeros((8, 4, 6, 3), np.uint8))
    response = client.post("/invocations", data=array.getvalue(), content_type="application/x-npy")
    assert (response.status_code, len(response.json), engine.batches) == (200, 8, [8])


def test_one_picture_that_fails_fails_the_request_and_leaves_nothing() -> None:
    engine = CountingEngine()
    services = ready_services(engine, batch_size=4)
    images = [Image(np.zeros((4, width, 3), np.uint8)) for width in (6, 7, 6)]
    with services.pipeline.open(Catalogue.served, RequestContext(10)) as run, pytest.raises(ZeroDivisionError):
        run.predict(images, Options())
    with services.pipeline.open(Catalogue.served, RequestContext(10)) as run:
        assert len(run.predict(images[:1], Options())) == 1
    services.pool.close()


def test_the_model_is_leased_once_and_all_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    services = ready_services(FakeEngine())
    leases: list[str] = []
    lease = services.pool.lease
    monkeypatch.setattr(services.pool, "lease", lambda key: leases.append(key) or lease(key))
    choice, data = Choice("png"), encode(np.zeros((4, 6, 3), np.uint8))
    context = RequestContext(10)
    with services.pipeline.open(Catalogue.served, context) as run:
        assert leases == []
        run.admit()
        image = run.decode(lambda limits, share: decode(data, limits, share))
        assert services.pipeline.pixels.held == 24
        run.encode(formats["png"], run.predict([image], choice.options), choice)
    assert leases == [Catalogue.served] and services.pipeline.pixels.held == 0
    assert list(context.stages) == ["decode", "queue", "inference", "encode"]
    with services.pipeline.open(Catalogue.served, context) as run, pytest.raises(BadImage):
        run.decode(lambda limits, share: decode(data[:50], limits, share))
    assert services.pipeline.pixels.held == 0
    services.pool.unload(Catalogue.served)  # nobody leases it any more
