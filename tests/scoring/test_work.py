"""Jobs that compare, over a real store and a real process: cut off, cancelled, failed, and repeated bit for bit."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.errors import BadRequest, NotFound, Unprocessable
from container.scoring import process
from container.scoring.process import Child, Children, Frame
from container.scoring.scorer import MAX_BEGUN, Scorer
from container.scoring.work import works
from container.store import annotations, datasets, evaluations, items, jobs, models, runs
from container.store.annotations import TRUTH, Owner
from container.store.evaluations import COMMIT, EVALUATION, Evaluation, Selection
from container.store.jobs import Lease
from container.store.objects import ItemRow, Row
from container.store.store import Store
from tests.postgres import PASSWORD
from tests.roomy import roomy

CONFIG = {"class_agnostic": False, "allowed": [], "groups": [], "exclusions": []}
ITEMS = 6


@pytest.fixture
def store(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with six items, of which each has a car that is found, one that is missed and a bus out of nothing."""
    roomy(monkeypatch)
    opened = Store.open(tmp_path / "store", address)
    with opened.write() as c:
        dataset = datasets.find(c, datasets.create(c, "streets")).key
        payloads = [json.dumps({"reference_id": str(i), "metadata": {"night": i % 2 == 0}}) for i in range(ITEMS)]
        items.add(c, dataset, [(ItemRow(str(i), "s3://b/k", text), None) for i, text in enumerate(payloads)], False)
        model = models.find(c, models.create(c, "net", "net-1"))
        run = runs.find(c, runs.create(c, model.key, dataset, "first"))
        truth = [box(i, name, "car", x) for i in range(ITEMS) for name, x in (("t", 0), ("u", 50))]
        found = [
            box(i, name, label, x, 0.5) for i in range(ITEMS) for name, label, x in (("f", "car", 1), ("g", "bus", 90))
        ]
        annotations.add(c, TRUTH, dataset, truth, False)
        annotations.add(c, Owner(run.key), dataset, found, False)
    yield opened
    opened.close()


def box(item: int, name: str, label: str, x: int, confidence: float | None = None) -> Row:
    """A box of 10 × 10 pixels at x."""
    geometry = {"x": x, "y": 0, "width": 10, "height": 10}
    document = {"annotation_id": name, "label": label, "geometry": geometry, "confidence": confidence}
    return Row(str(item), None, None, "box", f"a:{name}", label, confidence, json.dumps(document))


@pytest.fixture
def children(store: Store) -> Iterator[Children]:
    """Processes that compare."""
    opened = Children(store.place)
    yield opened
    opened.close()


def created(store: Store, purpose: str = COMMIT, config: dict[str, Any] = CONFIG) -> Evaluation:
    """An evaluation of the run that nobody works on yet."""
    with store.write() as c:
        return evaluations.create(
            c, purpose=purpose, model_key=1, run_key=1, selection=Selection((1,), (1,)), config=config
        )


def claimed(store: Store, owner: str = "me") -> Lease:
    """The lease of the next job."""
    lease = jobs.claim(store, owner, list(works(Children(store.place))))
    assert lease is not None
    return lease


def worked(lease: Lease, children: Children, steps: int = 10_000) -> bool:
    """Do some steps of a job; True if it is done."""
    work = works(children)[lease.job.type](lease)
    for _ in range(steps):
        try:
            next(work)
        except StopIteration as end:
            lease.finish(jobs.COMPLETED, end.value)
            return True
    work.close()
    return False


def state(store: Store, one: Evaluation) -> tuple[str, str]:
    """The status of an evaluation and of its run."""
    with store.read() as c:
        return evaluations.by_key(c, one.key).status, runs.find(c, one.run_id or "").status


def rows(store: Store, one: Evaluation) -> list[Any]:
    """What a commit has, item by item."""
    with store.read() as c:
        return [json.loads(text) for _, _, text in evaluations.matches(c, one.key, 1, 0, 100)]


def parts(store: Store, one: Evaluation) -> list[bytes]:
    with store.read() as c:
        return list(evaluations.parts(c, one.key, "bbox"))


def test_a_commit_has_the_rows_of_each_item(store: Store, children: Children) -> None:
    one = created(store)
    assert state(store, one) == ("pending", "Committing")
    assert worked(claimed(store), children)
    assert state(store, one) == ("succeeded", "Completed")
    expected = [
        ["box", "f", "t", "car", "car", 9 / 11, True, 0.5],
        ["box", "g", None, "bus", None, 0.0, False, 0.5],
        ["box", None, "u", None, "car", 0.0, False, None],
    ]
    assert rows(store, one) == [expected] * ITEMS


def test_what_is_cut_off_is_done_anew_and_is_the_same(
    store: Store, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = created(store)
    assert worked(claimed(store), children)
    expected, of_first = parts(store, first), rows(store, first)
    again = created(store)
    lease = claimed(store)
    assert not worked(lease, children, steps=2)  # one part is written, and the server dies
    assert state(store, again) == ("computing", "Committing") and parts(store, again) == expected
    monkeypatch.setattr(jobs, "now", lambda: time.time() + 60)
    assert worked(claimed(store, "another"), children)
    assert state(store, again) == ("succeeded", "Completed")
    assert parts(store, again) == expected and rows(store, again) == of_first
    with pytest.raises(jobs.LeaseLost):
        worked(lease, children)
    with store.read() as c, pytest.raises(NotFound):
        evaluations.by_key(c, first.key)  # another has taken its place
    assert not parts(store, first) and not rows(store, first)


def test_a_commit_that_died_after_its_last_part_is_not_computed_again(
    store: Store, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = created(store)
    assert not worked(claimed(store), children, steps=3)
    assert state(store, one) == ("succeeded", "Completed")
    monkeypatch.setattr(jobs, "now", lambda: time.time() + 60)
    monkeypatch.setattr(Child, "ask", None)
    assert worked(claimed(store), children) and len(rows(store, one)) == ITEMS


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_cancelled_evaluation_leaves_nothing(store: Store, children: Children, steps: int, deleted: bool) -> None:
    one = created(store, EVALUATION)
    lease = claimed(store)
    work = works(children)[lease.job.type](lease)
    for _ in range(steps):
        next(work)
    with store.write() as c:
        if deleted:
            evaluations.remove(c, one.key)
        else:
            assert evaluations.set_status(c, one, evaluations.CANCELLED)
            assert not evaluations.set_status(c, one, evaluations.CANCELLED)
    for _ in work:
        pass
    assert not parts(store, one)
    if deleted:
        assert worked(claimed(store), children)  # finds nothing left
    else:
        assert state(store, one)[0] == "cancelled"


def test_a_process_that_dies_fails_the_commit_and_the_next_one_works(store: Store, children: Children) -> None:
    def dying(self: Child, request: dict[str, Any], wait: float) -> Iterator[Frame | None]:
        os.kill(self.pid, signal.SIGKILL)
        yield from asked(self, request, wait)

    asked = Child.ask
    one = created(store)
    lease = claimed(store)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Unprocessable, match="was ended"):
        patch.setattr(Child, "ask", dying)
        worked(lease, children)
    assert state(store, one) == ("failed", "Failed")
    other = created(store)
    lease.finish(jobs.ERRORED, {})
    assert worked(claimed(store), children)
    assert state(store, other) == ("succeeded", "Completed")


def test_a_mask_whose_file_is_gone_is_told(store: Store, children: Children) -> None:
    document = {"annotation_id": "s", "annotations": [{"label": "sky", "index": 1}]}
    with store.write() as c:
        row = Row("0", None, None, "segmentation", "s", "", None, json.dumps(document), "0" * 64)
        annotations.add(c, TRUTH, 1, [row], False)
    one = created(store)
    lease = claimed(store)
    assert worked(lease, children)
    assert state(store, one) == ("succeeded", "Completed")
    with store.read() as c:
        assert jobs.errors(c, lease.job.key) == ["Item 0: of its truth, its mask is missing in the folder of the store"]


def test_what_a_process_does_not_find_fails_the_commit(
    store: Store, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object, **__: object) -> Iterator[Frame]:
        raise NotFound("there is no such thing")

    monkeypatch.setattr(Child, "ask", ask)
    one = created(store)
    assert worked(claimed(store), children)
    assert state(store, one) == ("failed", "Failed")


def test_an_evaluation_leaves_out_what_its_rules_say(store: Store, children: Children) -> None:
    rules = [
        {"type": "metadata", "scope": "item", "key": "night", "op": "EQ", "value": True},
        {"type": "labels", "scope": "annotation", "target": "prediction", "labels": ["bus"]},
    ]
    one = created(store, EVALUATION, {**CONFIG, "exclusions": rules})
    assert worked(claimed(store), children)
    with store.read() as c:
        counts = evaluations.by_key(c, one.key).counts
    assert (counts["items"], counts["items_excluded"], counts["predictions"]) == (3, 3, 3)
    assert counts["predictions_excluded"] == 3 and counts["summary"]["AP50"] == pytest.approx(51 / 101)
    assert not rows(store, one)


def test_answers_after_a_restart_are_the_same(store: Store) -> None:
    one = created(store, EVALUATION)
    answers = []
    for _ in range(2):
        scorer = Scorer(store, threading.Event())
        if not answers:
            scorer.runner.start()
            end = time.monotonic() + 20
            while state(store, one)[0] != "succeeded" and time.monotonic() < end:
                time.sleep(0.05)
        answers.append([scorer.ask({"evaluation": one.key, **question}) for question in QUESTIONS])
        if len(answers) == 1:
            scorer.close()
    scorer._children.close()
    assert answers[0] == answers[1]
    with pytest.raises(BadRequest, match="slices"):
        scorer.ask({"evaluation": one.key, **QUESTIONS[1], "filters": {"sliceIds": ["slc_1"]}})
    assert json.loads(scorer.ask({"evaluation": one.key, **QUESTIONS[2]}))["total"] == ITEMS
    scorer._children.close()


QUESTIONS: list[dict[str, Any]] = [
    {"question": "metrics"},
    {"question": "charts", "iou_threshold": 0.5},
    {
        "question": "examples",
        "match_type": "FN",
        "sort_by": None,
        "ascending": True,
        "limit": 2,
        "offset": 1,
    },
    {"question": "schema"},
]


def test_an_answer_that_is_too_long_is_refused(store: Store, children: Children) -> None:
    with store.write() as c:
        truth = [box(0, str(i), f"{i:0999}", i) for i in range(1100)]  # each with 101 points of a curve
        annotations.add(c, TRUTH, 1, truth, False)
    one = created(store, EVALUATION)
    assert worked(claimed(store), children)
    question = {"evaluation": one.key, "question": "charts", "iou_threshold": 0.5}
    with children.one() as child, pytest.raises(Unprocessable, match=r"has 1\d\d MB, and at most 100 are sent"):
        next(child.ask(question, 60))
    with children.one() as child:
        assert next(child.ask({**question, "filters": {"gtLabels": ["car"]}}, 60)) is not None


def test_a_process_ends_with_the_server_whatever_it_computes(store: Store) -> None:
    angles = np.arange(10_000) * 2 * np.pi / 10_000
    radius = np.where(np.arange(10_000) % 2, 400, 450)  # each edge meets many of another star
    points = zip(radius * np.cos(angles), radius * np.sin(angles), strict=True)
    geometry = {"vertices": [{"x": x, "y": y} for x, y in points]}
    with store.write() as c:
        for owner in (TRUTH, Owner(1)):
            star = {"label": "star", "geometry": geometry, "confidence": None}
            texts = [json.dumps({"annotation_id": f"star {i}", **star}) for i in range(8)]
            rows = [Row("0", None, None, "polygon", f"a:{i}", "star", None, text) for i, text in enumerate(texts)]
            annotations.add(c, owner, 1, rows, False)
    child = Child(store.place)
    request = {"selection": asdict(Selection((1,), (1,))), "config": CONFIG, "purpose": COMMIT}
    assert next(child.ask(request, 3)) is None  # which takes a minute
    child._in.close()  # as where the server is killed
    assert child._process.wait(3) == 1
    child._out.close()


def test_a_commit_waits_no_longer_than_the_server(store: Store) -> None:
    draining = threading.Event()
    scorer = Scorer(store, draining)  # which nobody has started
    threading.Timer(0.2, draining.set).start()
    begun = time.monotonic()
    one = scorer.begin(created(store), 20)
    assert one is not None and one.status == "pending" and time.monotonic() - begun < 5


def test_few_requests_wait_for_what_they_have_begun(store: Store) -> None:
    draining = threading.Event()
    scorer = Scorer(store, draining)  # which nobody has started
    one = created(store)
    waiting = [threading.Thread(target=scorer.begin, args=(one, 20)) for _ in range(MAX_BEGUN + 3)]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    assert sum(thread.is_alive() for thread in waiting) == MAX_BEGUN
    draining.set()
    for thread in waiting:
        thread.join()


def test_a_process_waits_for_the_next_who_needs_it(store: Store, children: Children) -> None:
    with children.one() as child:
        assert next(child.ask({}, 20)) is not None
    with children.one() as again:
        assert again.pid == child.pid
    os.kill(child.pid, signal.SIGKILL)
    with children.one() as other:
        assert other.pid != child.pid and next(other.ask({}, 20)) is not None


def test_the_limits_of_a_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asdict(Selection((1,), (2,), None)) == {"datasets": (1,), "runs": (2,), "benchmark": None}
    with Children(store.place).one() as child:
        next(child.ask({}, 20))
        status = Path(f"/proc/{child.pid}/limits").read_text()
        assert str(process.MEMORY) in next(line for line in status.splitlines() if line.startswith("Max address space"))
        fields = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        assert fields[16] == "19"  # nice
        child.close()


def test_no_argument_of_a_process_tells_the_password(store: Store, children: Children) -> None:
    with children.one() as child:
        next(child.ask({}, 20))
        assert PASSWORD not in Path(f"/proc/{child.pid}/cmdline").read_text()
        child.busy = False
