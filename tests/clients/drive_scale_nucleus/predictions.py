"""Predictions of a run: every kind by every way of reading, what an update is, what is told of bad ones."""

import json
from typing import Any

from judging import Checks, ask, by_kind, connect, counted, dataset_of, exact, item_id, model_of, sorted_by_name
from nucleus import CategoryPrediction, Point
from samples import box, mask, named, polygon, predictions


def kinds(checks: Checks) -> None:
    """Two items; each kind of the first is read by nine ways."""
    client = connect()
    first, second = "kinds/ä 1", "kinds/2"
    dataset, model = dataset_of(client, "kinds", [first, second]), model_of(client, "kinds")
    run = dataset.create_model_run("kinds", reference_id=model.reference_id)
    sent, others = predictions(first), predictions(second)
    checks.same("counts", run.predict(sent + others), counted(run.model_run_id, len(sent + others)))
    implicit = dataset.upload_predictions(model, sent + others)
    checks.same("counts of the model", implicit["predictions_processed"], len(sent + others))
    found = run.refloc(first)
    for kind, objects in by_kind(predictions(first)).items():
        checks.same(f"{kind} by refloc", found.get(kind), named(objects, found.get(kind, objects)))
    checks.same("no other kinds", sorted(found), sorted(by_kind(sent)))
    checks.same("confidences", confidences(found), confidences(by_kind(sent)))
    ways: dict[str, Any] = {
        "iloc": run.iloc(0),
        "loc": run.loc(item_id(dataset, 0)),
        "model iloc": dataset.predictions_iloc(model, 0),
        "model refloc": dataset.predictions_refloc(model, first),
    }
    for way, value in ways.items():
        checks.same(f"all by {way}", value, found)
        checks.same(f"confidences by {way}", confidences(value), confidences(found))
    for objects in found.values():
        for one in objects:
            key = getattr(one, "annotation_id", None)
            if key is not None:
                checks.same(f"{key} by prediction_loc", run.prediction_loc(first, key), one)
                checks.same(f"{key} by the model", dataset.prediction_loc(model, first, key), one)
    whole = {kind: found[kind] + run.refloc(second)[kind] for kind in found}
    for way, value in (("ungrouped", run.ungrouped_export()), ("export", dataset.export_predictions(model))):
        checks.same(f"all by {way}", sorted_by_name(value), sorted_by_name(whole))


def confidences(found: dict[str, list[Any]]) -> list[Any]:
    """What older clients leave out of what they would send again."""
    objects = [one for kind in sorted(found) for one in found[kind]]
    return [(getattr(one, "confidence", None), getattr(one, "class_pdf", None)) for one in objects]


def raw(checks: Checks) -> None:
    """The JSON below the objects of the client: members as they were sent, and those that the server adds."""
    client = connect()
    dataset, model = dataset_of(client, "raw", ["a"]), model_of(client, "raw")
    run_id = dataset.create_model_run("raw", reference_id=model.reference_id).model_run_id
    numbers = '{"x":1.50,"y":-0.0,"width":1e2,"height":12345678901234567890}'
    text = (
        f'{{"label":"a","type":"box","geometry":{numbers},"reference_id":"a","annotation_id":7,'
        '"metadata":{"half":"\\ud83d","é":"\\u00e9"},"class_pdf":{"a":1e-300},"own":[1,{"b":null}]}'
    )
    answer = ask("POST", f"modelRun/{run_id}/predict", data=f'{{"annotations":[{text}]}}'.encode())
    checks.same("counts", answer.json(), counted(run_id, 1))
    shown = ask("GET", f"modelRun/{run_id}/refloc/a")
    checks.same("content type", shown.headers["Content-Type"], "application/json")
    (one,) = shown.json()["annotations"]["box"]
    wanted = json.loads(text)
    checks.same("every member", {key: one.get(key) for key in wanted}, wanted)
    checks.holds("the numbers' own digits", numbers in shown.text, shown.text)
    checks.same("by a number as id", ask("GET", f"modelRun/{run_id}/prediction/loc/a/7").json()["type"], "box")
    for route in ("ungrouped", "refloc/a", "iloc/0"):
        for body in (None, "{}"):
            headers = {"Content-Type": "application/json"}
            answer = ask("GET", f"modelRun/{run_id}/{route}", data=body, headers=headers)
            checks.same(f"{route} with {body}", answer.status_code, 200)
    slashes = ask("GET", f"/modelRun/{run_id}/info/", allow_redirects=False)
    checks.same("slashes too many", [slashes.status_code, slashes.json()["name"]], [200, "raw"])


def update(checks: Checks) -> None:
    client = connect()
    dataset, model = dataset_of(client, "update", "ab"), model_of(client, "update")
    run = dataset.create_model_run("update", reference_id=model.reference_id)
    old = [box("a", "1", confidence=0.5, metadata={"old": 1, "both": 1}), polygon("a", "2")]
    new = [box("a", "1", x=9, metadata={"new": 1}), polygon("a", "2", label="new"), box("b", "1")]
    run.predict(old)
    ways = {"refloc": lambda: run.refloc("a"), "iloc": lambda: run.iloc(0), "export": run.ungrouped_export}
    checks.same("False: counts", run.predict(new[:2]), counted(run.model_run_id, 0, 2))
    for way, read in ways.items():
        checks.same(f"False: by {way}", read(), by_kind(old))
    checks.same("True: counts", run.predict(new, update=True), counted(run.model_run_id, 3))
    checks.same("True: by refloc", run.refloc("a"), by_kind(new[:2]))
    (found,) = run.refloc("a")["box"]
    checks.same("True: nothing of the old one", [found.confidence, found.metadata], [None, {"new": 1}])
    mixed = run.predict([*new, box("a", "3")])
    checks.same("False: counts of old and new", mixed, counted(run.model_run_id, 1, 3))
    changed = polygon("a", "1", label="kind")
    run.predict([changed], update=True)
    checks.same("True: another kind", run.prediction_loc("a", "1"), changed)
    checks.same("True: in its place", len(run.ungrouped_export().get("box", [])), 2)


def identities(checks: Checks) -> None:
    """One category for each item and taxonomy, one segmentation for each item; ids that nobody gave."""
    client = connect()
    dataset, model = dataset_of(client, "identities", "ab"), model_of(client, "identities")
    run = dataset.create_model_run("identities", reference_id=model.reference_id)

    def category(label: str, taxonomy: str | None) -> Any:
        return CategoryPrediction(label, "a", taxonomy_name=taxonomy)

    first = [category("sun", None), category("sun", "weather"), category("day", "time"), mask("a", "1", "s3://b/1.png")]
    second = [category("rain", None), category("rain", "weather"), mask("a", "2", "s3://b/2.png")]
    checks.same("first", run.predict(first), counted(run.model_run_id, 4))
    checks.same("second, not to update", run.predict(second), counted(run.model_run_id, 0, 3))
    checks.same("the first ones stay", run.refloc("a"), by_kind(first))
    checks.same("second, to update", run.predict(second, update=True), counted(run.model_run_id, 3))
    wanted = {"category": sorted(map(exact, [*second[:2], first[2]])), "segmentation": [exact(second[2])]}
    checks.same("the second ones replace", sorted_by_name(run.refloc("a")), wanted)
    without = [polygon("b", None, confidence=0.5)]
    checks.same("no id", run.predict(without), counted(run.model_run_id, 1))
    (kept,) = run.refloc("b")["polygon"]
    checks.holds("an id of content", bool(kept.annotation_id), kept)
    checks.same("by that id", run.prediction_loc("b", kept.annotation_id), kept)
    checks.same("sent again", run.predict(without), counted(run.model_run_id, 0, 1))
    twice = {"annotations": [polygon("b", None, label="x").to_payload()] * 2}
    answers = [ask("POST", f"modelRun/{run.model_run_id}/predict", json=twice).json() for _ in range(2)]
    checks.same("two of one content", answers[0], counted(run.model_run_id, 2))
    checks.same("and again", answers[1], counted(run.model_run_id, 0, 2))
    checks.same("three in all", len({one.annotation_id for one in run.refloc("b")["polygon"]}), 3)


def twice_in_a_request(checks: Checks) -> None:
    """The client refuses these, other senders do not."""
    client = connect()
    dataset, model = dataset_of(client, "twice", ["False", "True"]), model_of(client, "twice")
    run = dataset.create_model_run("twice", reference_id=model.reference_id)
    route = f"modelRun/{run.model_run_id}/predict"
    for to_update, labels in ((False, ["first"]), (True, ["last"])):
        name = str(to_update)
        objects = [box(name, "1", label=label).to_payload() for label in ("first", "middle", "last")]
        reply = ask("POST", route, json={"annotations": objects, "update": to_update}).json()
        wanted = counted(run.model_run_id, 3) if to_update else counted(run.model_run_id, 1, 2)
        checks.same(f"{name}: counts", reply, wanted)
        checks.same(f"{name}: kept", [one.label for one in run.refloc(name)["box"]], labels)
    same = [box("True", "1"), box("True", "1")]
    checks.raises("in the client", "DuplicateIDError", "Duplicate", run.predict, same)


def errors(checks: Checks) -> None:
    client = connect()
    dataset, model = dataset_of(client, "errors", ["a"]), model_of(client, "errors")
    run = dataset.create_model_run("errors", reference_id=model.reference_id)
    bad = {
        "Item with id nowhere doesn't exist.": box("nowhere", "1"),
        "confidence": box("a", "sure", confidence=1.5),
        "class_pdf": box("a", "pdf", class_pdf={"a": 1.5}),
        "width": box("a", "narrow", width=-1),
        "vertices": polygon("a", "line", vertices=[Point(0, 0), Point(1, 1)]),
    }
    good = [box("a", "good"), polygon("a", "good too")]
    reply = run.predict([good[0], *bad.values(), good[1]])
    told = reply.pop("errors", [])
    checks.same("good ones are stored", reply, counted(run.model_run_id, 2))
    checks.same("and no other", run.refloc("a"), by_kind(good))
    checks.same("one text each", len(told), len(bad))
    for text, one in bad.items():
        checks.holds(f"says {text}", sum(text in line for line in told) == 1, told)
        checks.holds(f"names the object of {text}", any(str(one.reference_id) in line for line in told), told)
    route = f"modelRun/{run.model_run_id}/predict"
    unknown = {"annotations": [box("a", "x").to_payload() | {"type": "sphere"}, 7, None, []]}
    checks.same("unknown kinds", len(ask("POST", route, json=unknown).json()["errors"]), 4)
    bodies = {"no JSON": "{", "a list": "[]", "a number": '{"annotations":3}', "NaN": '{"annotations":[NaN]}'}
    for name, body in bodies.items():
        answer = ask("POST", route, data=body)
        fine = answer.status_code == 400 and answer.text.startswith('{"error":"')
        checks.holds(f"{name} is refused", fine, answer.text)
    one, broken = json.dumps(box("a", "half").to_payload()), '{"label":'
    answer = ask("POST", route, data=f'{{"annotations":[{one},{broken}]}}')
    checks.same("a broken request", [answer.status_code, "half" in run.ungrouped_export()], [400, False])
    many = {"annotations": [*(box("nowhere", str(i)).to_payload() for i in range(10_001)), good[0].to_payload()]}
    answer = ask("POST", route, json=many)
    checks.same("10,001 bad ones", [answer.status_code, answer.text.count("nowhere")], [400, 10])
    checks.same("nothing of these is stored", run.refloc("a"), by_kind(good))
