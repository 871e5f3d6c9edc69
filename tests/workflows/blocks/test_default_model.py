"""The segmentation block with the model that comes with the project: each field changes what is found in a photo."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import skimage.data

from container import app
from container.models.policies.catalogue import Catalogue
from container.service import RequestContext, Services
from container.settings import Settings
from container.structures import Image, Options
from container.workflows.values import Frame, Picture
from tests.workflows.blocks.running import run

BLOCK = "RoboflowInstanceSegmentationModel"
PHOTO = np.ascontiguousarray(np.concatenate([skimage.data.astronaut(), skimage.data.astronaut()[:, ::-1]], axis=1))
ASKED = {
    "images": Picture(PHOTO, Frame("image", PHOTO.shape[:2])),
    "model_id": "served",
    "confidence": 0.02,
    "iou_threshold": 0.2,
}


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    settings = Settings()
    services = app.create_services(settings, Catalogue(app.find_model(settings)))
    services.pool.start()
    assert services.pool.settle()[0] == "ready"
    yield services
    services.pool.close()


def found(services: Services, **given: Any) -> list[tuple[str, float, tuple[int, ...]]]:
    """The label, the score and the size and place of the mask of each instance."""
    (one,) = run(BLOCK, ASKED | given, services=services, seconds=60.0)
    instances = one["predictions"].instances
    crops = [instances.masks.crop(i) for i in range(len(instances))]
    marks = [(int(bits.sum()), x, y) for bits, x, y in crops]
    return list(zip(instances.labels, instances.scores.tolist(), marks, strict=True))


def test_the_same_as_without_a_workflow(services: Services) -> None:
    options = Options(0.02, 0.2, None, False, 300, 3000, "accurate", 0.0)
    with services.pipeline.open(Catalogue.served, RequestContext(60.0)) as asked:
        (result,) = asked.predict([Image(PHOTO)], options)
    instances = result.prediction.instances()
    ours = found(services)
    assert len(ours) > 2 and {"person"} < {label for label, *_ in ours}
    assert [one[1] for one in ours] == [
        score
        for i, score in enumerate(instances.scores.tolist())
        if instances.masks is not None and instances.masks.crop(i)[0].any()
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"confidence": 0.9},
        {"iou_threshold": 0.6},
        {"class_filter": ["person"]},
        {"class_agnostic_nms": True},
        {"max_detections": 2},
        {"max_candidates": 3},
        {"mask_decode_mode": "fast"},
        {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.3},
    ],
    ids=lambda given: next(iter(given)),
)
def test_each_field_changes_what_is_found(services: Services, given: dict[str, Any]) -> None:
    assert found(services, **given) != found(services)


def test_how_fine_is_between_fast_and_accurate(services: Services) -> None:
    fine = [found(services, mask_decode_mode="tradeoff", tradeoff_factor=factor) for factor in (0.0, 0.3, 1.0)]
    assert fine[0] == found(services, mask_decode_mode="fast") != fine[1] != fine[2] == found(services)
