"""Predictions: uploaded in every way, counted, and read back in every way."""

import io
import json
from typing import Any

import pytest

from tests.protocols.nucleus.conftest import Api, box, item, segmentation

KINDS: dict[str, dict[str, Any]] = {
    "box": {"geometry": {"x": 1, "y": 2.50, "width": 3, "height": 0}, "label": "é"},
    "polygon": {"geometry": {"vertices": [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 0.1, "y": 7}]}, "label": "car"},
    "line": {"geometry": {"vertices": [{"x": 0, "y": 0}, {"x": 9, "y": 0}]}, "label": "lane"},
    "keypoints": {
        "label": "person",
        "geometry": {
            "keypoints": [{"x": 1, "y": 2, "visible": True}, {"x": None, "y": None, "visible": False}],
            "names": ["nose", "ear"],
            "skeleton": [[0, 1]],
        },
    },
    "cuboid": {
        "label": "bus",
        "geometry": {"position": {"x": 1, "y": 2, "z": 3}, "dimensions": {"x": 1, "y": 1, "z": 1}, "yaw": 0.5},
    },
    "category": {"geometry": {}, "label": "night", "taxonomy_name": "time"},
}


def prediction(kind: str) -> dict[str, Any]:
    rest = {"confidence": 0.9, "class_pdf": {"car": 0.9, "bus": 0.1}, "metadata": {"a": [1, 1.0, None, "ü"]}}
    own = {"annotation_id": f"p-{kind}"} if kind != "category" else {}
    return {"type": kind, "reference_id": "1", **own, **KINDS[kind], **rest}


SENT = [*map(prediction, KINDS), segmentation("1", "s3://b/mask.png")]


@pytest.fixture
def filled(api: Api, run: str) -> str:
    """A run with a prediction of every kind on the item "1"."""
    done = api.post(f"modelRun/{run}/predict", update=False, annotations=SENT[:-1], segmentations=SENT[-1:])
    assert done == {"model_run_id": run, "predictions_processed": 7, "predictions_ignored": 0}
    return run


def by_kind(sent: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {"segmentation" if one["type"] == "mask" else one["type"]: [one] for one in sent}


def test_every_way_of_reading_gives_what_was_sent(api: Api, dataset: str, filled: str) -> None:
    item_id = api.get(f"dataset/{dataset}/refloc/1")["item"]["dataset_item_id"]
    for route in ("iloc/0", "refloc/1", f"loc/{item_id}"):
        read = api.get(f"modelRun/{filled}/{route}")
        assert json.dumps(read, sort_keys=True) == json.dumps({"annotations": by_kind(SENT)}, sort_keys=True)
    assert api.get(f"modelRun/{filled}/ungrouped") == by_kind(SENT)
    for one in SENT[:5]:
        assert api.get(f"modelRun/{filled}/prediction/loc/1/{one['annotation_id']}") == one
    page = api.post(f"dataset/{dataset}/queryObjectsPage", patch_mode="predictions_only", model_run_id=filled)
    assert (page["items"], page["nextPageToken"] is not None) == (SENT, True)
    more = {"model_run_id": filled, "pageToken": page["nextPageToken"]}
    page = api.post(f"dataset/{dataset}/queryObjectsPage", patch_mode="predictions_only", **more)
    assert page == {"items": [], "nextPageToken": None}


def test_an_item_without_predictions(api: Api, filled: str) -> None:
    assert api.get(f"modelRun/{filled}/refloc/2") == {"annotations": {}}


def test_numbers_come_back_with_their_digits(api: Api, run: str) -> None:
    text = '{"type":"box","label":"a","geometry":{"x":1.0,"y":2.50,"width":1e2,"height":4},"reference_id":"1",'
    text += '"annotation_id":"b","metadata":{"big":12345678901234567890}}'
    route = f"/v1/nucleus/modelRun/{run}/predict"
    body = f'{{"annotations":[{text}],"update":true}}'
    assert api.client.post(route, data=body, content_type="application/json").status_code == 200
    assert api.client.get(f"/v1/nucleus/modelRun/{run}/prediction/loc/1/b").text == text


def test_a_model_on_a_dataset_has_one_run_of_its_own(api: Api, dataset: str, model: str, run: str) -> None:
    route = f"dataset/{dataset}/model/{model}"
    first = api.post(f"{route}/uploadPredictions", annotations=[box("1")], update=False)
    again = api.post(f"{route}/uploadPredictions", annotations=[box("1"), box("2")], update=False)
    assert first["model_run_id"] == again["model_run_id"] != run
    assert (again["predictions_processed"], again["predictions_ignored"], again["dataset_id"]) == (1, 1, dataset)
    assert api.get(f"{route}/iloc/1") == api.get(f"{route}/referenceId/2") == {"annotations": {"box": [box("2")]}}
    assert api.get(f"{route}/loc/2/b") == box("2")
    assert api.get(f"{route}/export") == {"box": [box("1"), box("2")]}
    assert api.get(f"modelRun/{first['model_run_id']}/refloc/1") == {"annotations": {"box": [box("1")]}}
    assert api.get(f"modelRun/{run}/refloc/1") == {"annotations": {}}
    assert set(api.get(f"dataset/{dataset}/model_runs")) == {run, first["model_run_id"]}


@pytest.mark.parametrize("first", ["update", "annotations"])
def test_update_replaces_wholly_and_otherwise_the_first_stays(api: Api, run: str, first: str) -> None:
    old, new = box("1", confidence=0.1), box("1", label="bus", metadata={})
    bodies = [{"update": update, "annotations": [new, old]} for update in (False, True)]
    bodies = [dict(sorted(body.items(), key=lambda pair: pair[0] != first)) for body in bodies]
    assert api.post(f"modelRun/{run}/predict", update=False, annotations=[old, new])["predictions_ignored"] == 1
    assert api.get(f"modelRun/{run}/prediction/loc/1/b") == old
    assert api.post(f"modelRun/{run}/predict", **bodies[0])["predictions_ignored"] == 2
    assert api.post(f"modelRun/{run}/predict", **bodies[1])["predictions_processed"] == 2
    assert api.get(f"modelRun/{run}/prediction/loc/1/b") == old
    assert api.post(f"modelRun/{run}/predict", update=True, annotations=[new])["predictions_processed"] == 1
    assert api.get(f"modelRun/{run}/prediction/loc/1/b") == new


def test_bad_objects_are_told_and_the_rest_is_stored(api: Api, run: str) -> None:
    bad = [box("unknown"), box("1", "c", confidence=1.5), box("1", "d", type="scene"), 7]
    done = api.post(f"modelRun/{run}/predict", annotations=[box("1"), *bad, box("1")])
    assert (done["predictions_processed"], done["predictions_ignored"], len(done["errors"])) == (1, 1, 4)
    assert any("Item with id unknown doesn't exist." in text for text in done["errors"])


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"annotations":[', b'{"annotations":{}}', b'{"annotations":[NaN]}', b'{"update":"yes"}', b"\xff"],
)
def test_a_body_of_another_shape_stores_nothing(api: Api, run: str, body: bytes) -> None:
    api.error(400, "POST", f"modelRun/{run}/predict", data=body, content_type="application/json")
    assert api.get(f"modelRun/{run}/ungrouped") == {}


def test_too_many_bad_objects_store_nothing(api: Api, run: str) -> None:
    bad = [box("1", str(i), confidence=2) for i in range(10_001)]
    text = api.error(400, "POST", f"modelRun/{run}/predict", {"annotations": [box("1"), *bad]})
    assert text.count("confidence") == 10 and api.get(f"modelRun/{run}/ungrouped") == {}
    unknown = [box("none", str(i)) for i in range(10_001)]
    api.error(400, "POST", f"modelRun/{run}/predict", {"annotations": [box("1"), *unknown]})
    assert api.get(f"modelRun/{run}/ungrouped") == {}


PNG = b"\x89PNG\r\n\x1a\n"


def form(*masks: tuple[str, str, bytes], update: bool = False) -> dict[str, Any]:
    """The form of some masks: of which item, called what, with which bytes."""
    document = {"segmentations": [segmentation(name, path) for name, path, _ in masks], "update": update}
    files = [(io.BytesIO(data), path.replace("/", "%2F"), "image/png") for _, path, data in masks]
    return {"data": {"serialized_request": json.dumps(document), "mask": files}}


def test_masks_stay_with_their_segmentations(api: Api, run: str) -> None:
    sent = [("2", "/tmp/é b.png", PNG + b"two"), ("1", "/tmp/1.png", PNG + b"one")]
    answer = api.ask("POST", f"modelRun/{run}/predict", **form(*sent))
    assert (answer.json or {})["predictions_processed"] == 2
    for name, path, data in sent:
        (read,) = api.get(f"modelRun/{run}/refloc/{name}")["annotations"]["segmentation"]
        address = read.pop("mask_download_url")
        assert read == segmentation(name, path) and address.startswith("http://localhost/v1/nucleus/mask/")
        with api.client.get(address) as mask:
            assert (mask.status_code, mask.data, mask.mimetype) == (200, data, "image/png")
        with api.client.head(address) as mask:
            assert (mask.status_code, mask.content_length, mask.data) == (200, len(data), b"")
        api.error(401, "GET", address.partition("/nucleus/")[2].replace("signature=", "signature=0"))
    assert len(api.get(f"modelRun/{run}/ungrouped")["segmentation"]) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.update(mask=data["mask"][:1]), "the form has 1 files"),
        (lambda data: data.update(mask=[]), "the form has 0 files"),
        (lambda data: data["mask"].append((io.BytesIO(PNG), "/tmp/3.png")), "3 files for 2"),
        (lambda data: data["mask"].reverse(), "come in the order"),
        (lambda data: data.update(mask=[(io.BytesIO(b"GIF"), "/tmp/1.png"), data["mask"][1]]), "is no PNG"),
        (lambda data: data.pop("serialized_request"), "no field"),
    ],
)
def test_forms_that_do_not_fit(api: Api, run: str, change: Any, said: str) -> None:
    sent = form(("1", "/tmp/1.png", PNG + b"1"), ("2", "/tmp/2.png", PNG + b"2"))
    change(sent["data"])
    form_type = "multipart/form-data"
    assert said in api.error(400, "POST", f"modelRun/{run}/predict", content_type=form_type, **sent)
    assert api.get(f"modelRun/{run}/ungrouped") == {}


def test_a_run_that_spans_datasets(api: Api, dataset: str, model: str) -> None:
    other = api.post("dataset/create", name="other")["dataset_id"]
    api.post(f"dataset/{other}/append", items=[item("3")])
    run = api.post(f"model/{model}/modelRun/create", name="both")["model_run_id"]
    item_id = api.get(f"dataset/{dataset}/refloc/1")["item"]["dataset_item_id"]
    sent = [box(None, "x", item_id=item_id), box("3", "y", dataset_id=other), box("4", "z")]
    done = api.post(f"modelRun/{run}/uploadPredictions", annotations=sent)
    assert (done["predictions_processed"], len(done["errors"]), done["model_run_id"]) == (2, 1, run)
    done = api.post(f"dataset/{dataset}/modelRun/{run}/uploadPredictions", annotations=[box("2")])
    assert (done["predictions_processed"], done["dataset_id"]) == (1, dataset)
    assert api.get(f"modelRun/{run}/loc/{item_id}") == {"annotations": {"box": [{**sent[0], "reference_id": "1"}]}}
    assert api.get(f"modelRun/{run}/refloc/3") == {"annotations": {"box": sent[1:2]}}
    assert api.get(f"modelRun/{run}/prediction/loc/3/y") == sent[1]
    assert len(api.get(f"modelRun/{run}/ungrouped")["box"]) == 3
    assert run in api.get(f"dataset/{other}/model_runs") and run in api.get(f"dataset/{dataset}/model_runs")
    assert "2 datasets" in api.error(400, "GET", f"modelRun/{run}/iloc/0")


def test_predictions_of_a_model_alone(api: Api, dataset: str, model: str) -> None:
    item_id = api.get(f"dataset/{dataset}/refloc/2")["item"]["dataset_item_id"]
    route = f"model/{model}/predictions"
    api.error(404, "GET", f"{route}/iloc/0")
    sent = [box("1"), box(None, "c", item_id=item_id)]
    bad = [segmentation("1", "s3://b/m.png"), box("none")]
    done = api.post(route, annotations=sent, segmentations=bad[:1])
    assert done == {"model_id": model, "predictions_processed": 2, "predictions_ignored": 0, "errors": done["errors"]}
    assert len(done["errors"]) == 1
    assert api.post(route, annotations=sent)["predictions_ignored"] == 2
    assert api.get(f"{route}/iloc/0") == api.get(f"{route}/refloc/1") == {"predictions": sent[:1]}
    assert api.get(f"{route}/loc/{item_id}") == {"predictions": [{**sent[1], "reference_id": "2"}]}
    assert api.get(f"dataset/{dataset}/model_runs") == api.get(f"model/{model}/modelRun") == []
