"""Benchmarks (from 0.20 on): their items by every source, drafts, versions, and presets of evaluations."""

from typing import Any

import nucleus
from judging import NAME, VERSION, Checks, connect, dataset_of, item_id
from nucleus import BoxAnnotation

HAS_BENCHMARKS = VERSION >= (0, 20)
HAS_TAXONOMIES = VERSION >= (0, 22)  # which labels count as one in all evaluations on a benchmark
MANY = 2100  # items, which are a job's


def labelled(client: nucleus.NucleusClient, name: str, references: str) -> tuple[nucleus.Dataset, list[str]]:
    """A dataset whose items but the last have ground truth, and the ids of all."""
    dataset = dataset_of(client, name, references)
    dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, name, "t") for name in references[:-1]])
    return dataset, [item_id(dataset, i) for i in range(len(references))]


def items_of(benchmark: Any) -> list[str]:
    """The ids of all its items."""
    return sorted(benchmark.items(limit=1000).item_ids)


def membership(checks: Checks) -> None:
    """Each source alone and all together; items without ground truth are left out."""
    if not HAS_BENCHMARKS:
        return
    client = connect()
    (first, ids), (second, others) = labelled(client, "members 1", "abc"), labelled(client, "members 2", "abcd")
    pairs = [{"dataset_id": first.id, "ref_id": "b"}, {"dataset_id": second.id, "ref_id": "b"}]
    sources: dict[str, tuple[dict[str, Any], list[str], int]] = {
        "a dataset": ({"dataset_id": first.id}, ids[:2], 1),
        "datasets": ({"dataset_ids": [first.id, second.id]}, ids[:2] + others[:3], 2),
        "ids": ({"item_ids": [ids[0], others[2]]}, [ids[0], others[2]], 0),
        "an id without ground truth": ({"item_ids": [ids[0], ids[2]]}, [ids[0]], 1),
        "pairs": ({"items": pairs}, [ids[1], others[1]], 0),
        "all of these": (
            {"dataset_id": first.id, "item_ids": [ids[0], others[0]], "items": pairs},
            ids[:2] + others[:2],
            1,
        ),
    }
    told = {"description": "für é", "metadata": {"a": [1, 1.5, None]}}
    for name, (source, members, skipped) in sources.items():
        one = client.create_benchmark(f"{NAME}: {name}", **source, **told, verbose=False)
        checks.same(f"{name}: items", items_of(one), sorted(members))
        counts = [one.item_count, one.skipped_items_without_ground_truth]
        checks.same(f"{name}: counts", counts, [len(members), skipped])
    checks.same("of two datasets", one.dataset_count, 2)
    facts = [one.name, one.description, one.metadata, one.status, one.parent_benchmark_id]
    checks.same("what it is", facts, [f"{NAME}: {name}", *told.values(), "ready", None])
    version = [one.version_major, one.version_minor, one.version_label]
    checks.same("its version", version, [1, 0, None])
    pages = [client.list_benchmark_items(one.id, limit=3, offset=offset) for offset in (0, 3, 6)]
    checks.same("pages", [[len(page.item_ids), page.total] for page in pages], [[3, 4], [1, 4], [0, 4]])
    checks.same("each once", sorted(item for page in pages for item in page.item_ids), items_of(one))
    checks.holds("listed", one.id in {each.id for each in client.list_benchmarks()})
    changed = one.update(name="new", metadata={})
    checks.same("changed", [changed.name, changed.description, changed.metadata], ["new", "für é", {}])
    frozen = {"items": one.add_items, "no items": one.remove_items}
    checks.raises("its items stay", "NucleusAPIError 409", "no draft", frozen["items"], item_ids=[ids[0]])
    checks.raises("none is removed", "NucleusAPIError 409", "no draft", frozen["no items"], [ids[0]])
    checks.raises("no draft", "NucleusAPIError 409", "no draft", one.finalize)
    create = client.create_benchmark
    checks.raises("slices", "NucleusAPIError 501", "slice_id", create, "x", slice_id="slc_1")
    checks.raises("an unknown item", "NucleusAPIError 404", "di_nothing", create, "x", item_ids=[ids[0], "di_nothing"])
    checks.raises("an unknown dataset", "NucleusAPIError 404", "ds_nothing", create, "x", dataset_id="ds_nothing")
    wrong = [{"dataset_id": first.id, "ref_id": "nowhere"}]
    checks.raises("an unknown name", "NucleusAPIError 404", "nowhere", create, "x", items=wrong)
    one.delete()
    checks.raises("deleted", "NucleusAPIError 404", one.id, one.refresh)


def drafts(checks: Checks) -> None:
    """Items put in and taken out, and the end of it."""
    if not HAS_BENCHMARKS:
        return
    client = connect()
    dataset, ids = labelled(client, "drafts", "abcde")
    one = client.create_benchmark(f"{NAME}: draft", draft=True)
    checks.same("empty", [one.status, one.item_count], ["draft", 0])
    checks.raises("nothing to end", "NucleusAPIError 400", one.id, one.finalize)
    one.add_items(item_ids=ids[:2], verbose=False)
    one.add_items(items=[{"dataset_id": dataset.id, "ref_id": "d"}], verbose=False)
    checks.same("put in", items_of(one), sorted([*ids[:2], ids[3]]))
    one.add_items(dataset_id=dataset.id, verbose=False)
    checks.same("put in twice", [one.item_count, one.status], [4, "draft"])
    one.remove_items([ids[0], ids[4], "di_nothing"])
    checks.same("taken out", items_of(one), sorted(ids[1:4]))
    checks.raises("scenes", "NucleusAPIError 501", "scene_ids", one.add_items, scene_ids=["scene_1"])
    if HAS_TAXONOMIES:
        group = nucleus.RollupGroup("vehicle", ["car", "bus"])
        one.update(rollup_groups=[group])
        checks.same("labels do not count", one.update(class_agnostic=True).class_agnostic, True)
        checks.same("nothing is said", one.update(allowed_label_matches_id=None).class_agnostic, None)
    ended = one.finalize()
    checks.same("ended", [ended.status, ended.item_count], ["ready", 3])
    if HAS_TAXONOMIES:
        checks.raises("what it says stays", "NucleusAPIError 409", "no draft", one.update, class_agnostic=True)
    seeded = client.create_benchmark("seeded", draft=True, dataset_id=dataset.id, verbose=False)
    checks.same("with items from birth", [seeded.status, seeded.item_count], ["draft", 4])
    if HAS_TAXONOMIES:  # the requests are the same before
        of_many(checks, client)


def of_many(checks: Checks, client: nucleus.NucleusClient) -> None:
    """A benchmark that a job makes."""
    many = dataset_of(client, "many members", [str(i) for i in range(MANY)])
    many.annotate([BoxAnnotation("car", 0, 0, 1, 1, str(i), "t") for i in range(1, MANY)])
    large = client.create_benchmark("many", dataset_id=many.id, wait_for_completion=False)
    checks.holds("while it is made", large.status in ("building", "ready"), large.status)
    waited = client.create_benchmark("many again", dataset_id=many.id, verbose=False)
    counts = [waited.status, waited.item_count, waited.skipped_items_without_ground_truth]
    checks.same("made by a job", counts, ["ready", MANY - 1, 1])


def versions(checks: Checks) -> None:
    """What a benchmark hands on to its next versions."""
    if not HAS_BENCHMARKS:
        return
    client = connect()
    dataset, ids = labelled(client, "versions", "abcd")
    root = client.create_benchmark(f"{NAME}: root", item_ids=ids[:2], verbose=False)

    def child(parent: Any, **more: Any) -> Any:
        return client.create_benchmark("child", parent_benchmark_id=parent.id, verbose=False, **more)

    same = child(root)
    checks.same("the same items", [items_of(same), same.parent_benchmark_id], [sorted(ids[:2]), root.id])
    checks.same("a minor version", [same.version_major, same.version_minor], [1, 1])
    changed = child(same, bump_type="major", item_ids=[ids[2]], removed_item_ids=[ids[0]], version_label="rc1")
    checks.same("other items", items_of(changed), sorted(ids[1:3]))
    told = [changed.version_major, changed.version_minor, changed.version_label]
    checks.same("a major version", told, [2, 0, "rc1"])
    given = child(changed, version_major=7, version_minor=3)
    checks.same("a version that is given", [given.version_major, given.version_minor], [7, 3])
    checks.raises("not above", "NucleusAPIError 400", "7.2", child, given, version_major=7, version_minor=2)
    checks.raises("another step", "NucleusAPIError 400", "bump_type", child, given, bump_type="patch")
    checks.same("the parent is as it was", items_of(root), sorted(ids[:2]))
    draft = client.create_benchmark("draft", draft=True, parent_benchmark_id=root.id, verbose=False)
    checks.same("a draft of a version", [draft.status, items_of(draft)], ["draft", sorted(ids[:2])])
    checks.raises("of a draft", "NucleusAPIError 409", "draft", child, draft)
    if HAS_TAXONOMIES:
        agnostic = client.create_benchmark("x", dataset_id=dataset.id, class_agnostic=True, verbose=False)
        checks.same("labels do not count either", child(agnostic).class_agnostic, True)
        groups = [nucleus.RollupGroup("vehicle", ["car"])]
        checks.same("unless it says so", child(agnostic, rollup_groups=groups).class_agnostic, None)
    root.delete()
    checks.same("versions outlive it", [items_of(same), same.refresh().status], [sorted(ids[:2]), "ready"])


def presets(checks: Checks) -> None:
    """Made, changed and deleted."""
    if not HAS_BENCHMARKS:
        return
    client = connect()
    name = f"{NAME} é {client.create_dataset('presets', is_scene=False).id}"
    groups = [nucleus.RollupGroup("vehicle", ["car", "bus"])]
    rules = [nucleus.BoxAreaExclusionRule(scope="annotation", target="groundTruth", min=4.5)]
    one = client.create_evaluation_v2_preset(name, rollup_groups=groups, exclusion_rules=rules)
    kept = [vars(groups[0])], [rule.to_api_dict() for rule in rules]
    checks.same("made", [one.name, [vars(group) for group in one.rollup_groups], one.exclusion_rules], [name, *kept])
    (listed,) = [each for each in client.list_evaluation_v2_presets() if each.id == one.id]
    checks.same("listed", [listed.name, listed.exclusion_rules], [name, kept[1]])
    create = client.create_evaluation_v2_preset
    checks.raises("its name again", "NucleusAPIError 409", name[:10], create, name)
    checks.raises("no name", "NucleusAPIError 400", "name", create, "")
    checks.same("another name", one.update(name=f"{name} 2").name, f"{name} 2")
    cleared = one.update(exclusion_rules=None)
    checks.same("cleared", [cleared.exclusion_rules, len(cleared.rollup_groups)], [None, 1])
    wrong = [{"type": "labels", "scope": "item", "target": "groundTruth", "labels": []}]
    checks.raises("a bad rule", "NucleusAPIError 400", "labels", one.update, exclusion_rules=wrong)
    if VERSION < (0, 22):
        match = nucleus.AllowedLabelMatch("car", "van")
        matched = client.create_evaluation_v2_preset(f"{name} 3", allowed_label_matches=[match])
        checks.same("matches", [vars(each) for each in matched.allowed_label_matches], [vars(match)])
        matched.delete()
    one.delete()
    checks.holds("deleted", one.id not in {each.id for each in client.list_evaluation_v2_presets()})
    checks.raises("changed then", "NucleusAPIError 404", one.id, lambda: one.update(name="x"))
