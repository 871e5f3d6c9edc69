"""Every kind of rendering over HTTP: what comes back, and what is refused before or after the model was asked."""

import json
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.app import create_app
from container.settings import Settings
from container.structures import Classification, ImageQuery, Prediction
from tests.conftest import encode, pixels_of
from tests.fakes import FakeEngine, ready_services

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
PNG = encode(NOISE)


class Classifier(FakeEngine):
    """Says of any picture that it is a horse."""

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        self.asked_for += [query.options for query in queries]
        return [
            Classification(query.pixels.shape[:2], np.array([0.9], np.float32), np.array([2]), ("horse",))
            for query in queries
        ]


def ask(client: FlaskClient, accept: str = "image/png", path: str = "/invocations", **options: object) -> TestResponse:
    return client.post(path, data=PNG, headers={"Accept": accept, ATTRIBUTES: json.dumps(options)})


@pytest.mark.parametrize("accept", ["image/png", "image/*"])
def test_numbers_of_instances_count_from_1(accept: str, client: FlaskClient) -> None:
    response = ask(client, accept, render="ids")
    assert (response.status_code, response.content_type) == (200, "image/png")
    numbers = cv2.imdecode(np.frombuffer(response.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert numbers.dtype == np.uint16 and numbers.shape == (40, 60)
    assert (numbers[1:-1, 1:29] == 1).all() and (numbers[1:-1, 31:-1] == 2).all()
    assert ask(client, "application/json", render="ids").json["labels"] == ["horse 100%", "person 53%"]


@pytest.mark.parametrize(("path", "status"), [("/invocations", 406), ("/endpoints/e/invocations", 424)])
def test_a_jpeg_of_numbers_is_refused_before_the_model_is_asked(
    path: str, status: int, client: FlaskClient, engine: FakeEngine
) -> None:
    response = ask(client, "image/jpeg", path, render="ids")
    assert response.status_code == status and not engine.asked_for
    assert "render is 'ids', numbers of 16 bits, and image/jpeg holds colours of 8" in response.text


@pytest.mark.parametrize("render", ["blur", "pixelate"])
def test_what_a_filter_leaves_out_stays_as_it_was(render: str, client: FlaskClient) -> None:
    drawn = pixels_of(ask(client, render=render, class_filter=["person"]).data)
    np.testing.assert_array_equal(drawn[:, :29], NOISE[:, :29])
    assert drawn[:, 31:].std() < 0.5 * NOISE[:, 31:].std()


def test_crops_are_a_sheet_of_its_own_size(client: FlaskClient) -> None:
    one, two = (pixels_of(ask(client, render="crops", confidence=least).data).shape for least in (0.9, 0.5))
    assert one[0] == two[0] > 40 and two[1] > one[1]


@pytest.mark.parametrize("render", ["ids", "blur", "pixelate", "crops"])
def test_a_classifier_finds_no_parts(render: str) -> None:
    client = create_app(Settings(), ready_services(Classifier())).test_client()
    response = ask(client, render=render)
    assert response.status_code == 400
    assert f"render is '{render}', and this model classifies whole pictures" in response.json["error"]["message"]
    assert ask(client, render="cutout").status_code == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"render": "depth"}, '"overlay", "mask", "cutout", "ids", "blur", "pixelate", "crops"'),
        ({"colors": "rainbow"}, 'colors is "rainbow"; it takes one of "class", "instance"'),
        ({"draw_outlines": 1}, "draw_outlines is 1; it takes true or false"),
    ],
)
def test_what_is_no_option_is_told(options: dict[str, object], message: str, client: FlaskClient) -> None:
    response = ask(client, **options)
    assert response.status_code == 400 and message in response.json["error"]["message"]
