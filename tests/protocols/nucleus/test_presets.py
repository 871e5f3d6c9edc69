"""Presets of evaluations."""

from tests.protocols.nucleus.conftest import Api

GROUPS = [{"class_name": "vehicle", "labels": ["car", "truck"]}]
RULES = [{"type": "labels", "scope": "item", "target": "prediction", "labels": ["ignore"]}]
MATCHES = [{"ground_truth_label": "car", "model_prediction_label": "van"}]
ROOT = "evaluationV2Presets"


def test_a_preset(api: Api) -> None:
    made = api.post(ROOT, name="vehicles", rollupGroups=GROUPS, exclusionRules=RULES)
    route = f"{ROOT}/{made['id']}"
    assert made["created_at"] == made["updated_at"]
    assert {name: value for name, value in made.items() if not name.endswith("ed_at")} == {
        "id": made["id"],
        "name": "vehicles",
        "rollup_groups": GROUPS,
        "allowed_label_matches": None,
        "exclusion_rules": RULES,
        "created_by_user_id": None,
    }
    other = api.post(ROOT, name="pairs", allowedLabelMatches=MATCHES)
    assert (other["allowed_label_matches"], other["rollup_groups"]) == (MATCHES, None)
    assert [one["id"] for one in api.get(ROOT)] == [other["id"], made["id"]]
    changed = api.ask("PATCH", route, {"name": "cars", "exclusionRules": None}).json or {}
    assert (changed["name"], changed["rollup_groups"], changed["exclusion_rules"]) == ("cars", GROUPS, None)
    api.delete(route)
    assert [one["name"] for one in api.get(ROOT)] == ["pairs"]
    for method in ("PATCH", "DELETE"):
        assert made["id"] in api.error(404, method, route, {})


def test_what_makes_no_preset(api: Api) -> None:
    made = api.post(ROOT, name="a", rollup_groups=GROUPS)["id"]
    for status, said, document in [
        (409, made, {"name": "a"}),
        (400, "name", {}),
        (400, "colour", {"name": "b", "colour": 1}),
        (400, "two things", {"name": "b", "rollupGroups": GROUPS, "allowedLabelMatches": MATCHES}),
        (400, "rule 0", {"name": "b", "exclusionRules": [{}]}),
        (400, "no groups", {"name": "b", "rollupGroups": []}),
    ]:
        assert said in api.error(status, "POST", ROOT, document)
    assert "two things" in api.error(400, "PATCH", f"{ROOT}/{made}", {"allowedLabelMatches": MATCHES})
    assert "name" in api.error(400, "PATCH", f"{ROOT}/{made}", {"name": None})
    api.post(ROOT, name="c")
    assert "'c'" in api.error(409, "PATCH", f"{ROOT}/{made}", {"name": "c"})
