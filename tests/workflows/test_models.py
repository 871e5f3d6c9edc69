"""Models as steps ask them: together, by id, under the limits of a request, and without holding any."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.engines.queue import Dispatcher
from container.errors import BadRequest, DeadlineExceeded, ModelNotFound, NotOffered, PayloadTooLarge, ServingError
from container.models.loading import Loader, Model, Placement, Reserve
from container.models.policies.catalogue import Catalogue
from container.models.store import Store
from container.service import RequestContext, Services
from container.service.segmenting import Family
from container.structures import ImageQuery, Instances, ModelSpec, Options, Prompt, RoiMasks
from container.workflows import models as workflow_models
from container.workflows.models import Asked, Models, Prompted
from container.workflows.values import Detections
from tests.fakes import LABELS, SPEC, FakeEngine, FakeLoader, policy_services, ready_services, started, tried
from tests.workflows.blocks.running import picture

TASK = "instance segmentation"
ASKED = Asked("fake/1", TASK, 0.4)
SAM2 = Family("sam2", "version", "hiera_tiny")


def room(pixels: int) -> None:
    """There is enough."""


@dataclass
class Counting(FakeEngine):
    """Counts the pictures of each batch."""

    batches: list[int] = field(default_factory=list)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Any]:
        self.batches.append(len(queries))
        return super().predict(queries)


def of(services: Services, seconds: float = 20.0) -> Models:
    return Models(services, RequestContext(seconds))


def found(services: Services, asked: Asked) -> Detections:
    """What is found in one picture."""
    (one,) = of(services).ask([picture()], [asked], room)
    assert isinstance(one.value, Detections)
    return one.value


def test_what_is_found() -> None:
    (one,) = of(ready_services(FakeEngine())).ask([picture(name="image.[0]")], [ASKED], room)
    assert isinstance(one.value, Detections)
    instances = one.value.instances
    assert one.model_id == "fake/1"
    assert (instances.labels, instances.classes.tolist()) == (("horse", "person"), [1, 0])
    assert instances.boxes.tolist() == [[0, 0, 20, 30], [20, 0, 40, 30]]
    assert (one.value.frame.id, one.value.rle) == ("image.[0]", False)
    assert len({*one.value.ids, one.value.inference_id}) == 3


def test_pictures_about_which_the_same_is_asked_go_together() -> None:
    """Each gets its own answer, in the order of the pictures."""
    engine = Counting(seconds=0.05)
    services = ready_services(engine, batch_size=8)
    pictures = [picture(width=10 + i) for i in range(6)]
    sure = Asked("fake/1", TASK, 0.9)
    answers = of(services).ask(pictures, [ASKED, sure] * 3, room)
    assert [one.value.frame.size for one in answers] == [(30, 10 + i) for i in range(6)]
    assert [len(one.value) for one in answers] == [2, 1] * 3
    assert sum(engine.batches) == 6 and max(engine.batches) > 1
    assert {one.confidence for one in engine.asked_for[:3]} == {0.4}


@pytest.mark.parametrize(
    ("confidence", "own", "labels"),
    [
        (0.6, None, ["horse"]),
        (0.4, 0.9, ["horse", "person"]),
        ("best", None, ["horse", "person"]),
        ("best", 0.9, ["horse"]),
        ("default", 0.9, ["horse", "person"]),
        (1.0, None, []),
    ],
)
def test_confidence(confidence: float | str, own: float | None, labels: list[str]) -> None:
    spec = ModelSpec("fake", "fake_net", "NONE", LABELS, options=Options(confidence=own))
    one = found(ready_services(FakeEngine(spec)), Asked("fake", TASK, confidence))
    assert [*one.instances.labels] == labels


@pytest.mark.parametrize(
    ("names", "labels"), [(("unicorn", "horse"), ["horse"]), (("unicorn",), []), (None, ["horse", "person"])]
)
def test_names_that_the_model_does_not_know(names: tuple[str, ...] | None, labels: list[str]) -> None:
    asked = Asked("fake", TASK, 0.4, Options(class_filter=names))
    one = found(ready_services(FakeEngine()), asked)
    assert [*one.instances.labels] == labels


def test_instances_without_a_mask_are_left_out() -> None:
    class Empty(FakeEngine):
        def _instances(self, pixels: np.ndarray, options: Options) -> Instances:
            one = super()._instances(pixels, options)
            assert isinstance(one.masks, RoiMasks)
            one.masks.probabilities[0] = 0
            return one

    one = found(ready_services(Empty()), ASKED)
    assert [*one.instances.labels] == ["person"]
    one = found(ready_services(Empty()), Asked("fake", "object detection", 0.4, masks=False))
    assert ([*one.instances.labels], one.instances.masks) == (["horse", "person"], None)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (Asked("nowhere/3", TASK, 0.4), ModelNotFound, "'nowhere/3'"),
        (Asked("fake", "classification", 0.4), BadRequest, "'fake' is for instance segmentation, not for classif"),
        (Asked("fake", "keypoint detection", 0.4), BadRequest, "not for keypoint detection"),
    ],
)
def test_models_that_cannot_be_asked(asked: Asked, error: type[ServingError], words: str) -> None:
    with pytest.raises(error) as caught:
        found(ready_services(FakeEngine()), asked)
    assert words in caught.value.message


@pytest.mark.parametrize(("name", "means"), [("fake", "fake/1"), ("served", "served/1"), ("a/b", "a/b")])
def test_the_served_model_has_an_id_of_its_own(name: str, means: str) -> None:
    spec = ModelSpec(name, "fake_net", "NONE", LABELS)
    (one,) = of(ready_services(FakeEngine(spec))).ask([picture()], [Asked("served", TASK, 0.4)], room)
    assert one.model_id == ("served" if name == "served" else means)


class Loads(Loader):
    """Makes a fake model of anything: one that takes prompts of what lies below sam2/."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(Placement())
        self.seconds = seconds
        self.sam = tried(task="sam2")

    def prepare(self) -> tuple[str, Callable[[], int]]:
        """There is memory for everything."""
        return "torch", lambda: 1 << 50

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        """Load it in `seconds`, but the served one at once."""
        spec = source if isinstance(source, ModelSpec) else ModelSpec(source.parent.name, "fake_net", "NONE", LABELS)
        reserve(spec)
        time.sleep(0 if source is SPEC else self.seconds)
        engine: Any = self.sam if spec.name == "sam2" else FakeEngine(spec)
        return Model(engine, Dispatcher(engine.predict, 16))

    def give_back(self) -> None:
        """Nothing."""


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Services]:
    """Makes services of the served model and of a store with models by these ids."""

    def serve(*ids: str, loader: Loads | None = None, places: int = 8) -> Services:
        for one in ids:
            (tmp_path / one).mkdir(parents=True)
            (tmp_path / one / "model.json").write_text("{}")
        services = policy_services(Catalogue(SPEC, Store(tmp_path), places), loader or Loads())
        services.pool.start()
        return services

    return serve


@pytest.mark.parametrize(("stored", "means"), [("served/1", "fake/1"), ("served", "served"), ("a", "fake/1")])
def test_a_model_may_have_the_id_that_means_the_served_one(
    serve: Callable[..., Services], stored: str, means: str
) -> None:
    (one,) = of(serve(stored)).ask([picture()], [Asked("served", TASK, 0.4)], room)
    assert one.model_id == means


def test_a_model_of_several_may_be_the_served_one(tmp_path: Path) -> None:
    """On a multi-model endpoint a request says which."""
    (tmp_path / "a").mkdir()
    services = started(tmp_path, FakeLoader())
    key = services.pool.policy.key("a")
    (one,) = Models(services, RequestContext(20.0), key).ask([picture()], [Asked("served", TASK, 0.4)], room)
    assert one.model_id == f"{key}/1"
    with pytest.raises(ModelNotFound, match="no model 'served' is loaded"):
        of(services).ask([picture()], [Asked("served", TASK, 0.4)], room)


def test_a_load_does_not_count_for_the_deadline(serve: Callable[..., Services]) -> None:
    services = serve("a/1", loader=Loads(seconds=1.0))
    services.pool.settle()
    models = of(services, seconds=0.8)
    models.ask([picture()], [Asked("a/1", TASK, 0.4)], room)
    models.ask([picture()], [ASKED], room)
    time.sleep(0.85)
    with pytest.raises(DeadlineExceeded):
        models.ask([picture()], [ASKED], room)


def test_so_many_loads_do_not_count(serve: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that give way to each other would be loaded for ever."""
    monkeypatch.setattr(workflow_models, "MAX_LOADS", 2)
    models = of(serve("a/1", "b/1", loader=Loads(seconds=0.5), places=2), seconds=1.0)
    asked = [Asked(f"{name}/1", TASK, 0.4) for name in "ab"]
    models.ask([picture()] * 2, asked, room)
    with pytest.raises(DeadlineExceeded):
        for one in asked * 3:
            models.ask([picture()], [one], room)


def test_no_model_is_held_while_another_is_loaded(serve: Callable[..., Services]) -> None:
    """There is room for one beside the served one, and a step asks three in turn."""
    models = of(serve("a/1", "b/1", "c/1", places=2))
    asked = [Asked(f"{name}/1", TASK, 0.4) for name in "abca"]
    answers = models.ask([picture()] * 4, asked, room)
    assert [one.model_id for one in answers] == ["a/1", "b/1", "c/1", "a/1"]
    assert models.found == 8


def test_a_request_has_so_many_instances_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most that each picture may have is no reason to refuse many, as what they have is counted."""
    monkeypatch.setattr(workflow_models, "MAX_DETECTIONS", 5)
    models = of(ready_services(FakeEngine()))
    asked = Asked("fake", TASK, 0.4, Options(max_detections=4))
    models.ask([picture()] * 2, [asked] * 2, room)
    with pytest.raises(PayloadTooLarge, match="more than 5 instances"):
        models.ask([picture()], [asked], room)


def test_a_step_has_room_for_what_is_found() -> None:
    taken: list[int] = []
    of(ready_services(FakeEngine())).ask([picture()] * 2, [ASKED] * 2, taken.append)
    assert len(taken) == 2 and min(taken) > 2 * 28 * 28 * 4 // 3


def test_too_many_of_one_picture() -> None:
    class Masks(FakeEngine):
        def default_instances(self, masks: bool) -> int | None:
            return 100

    asked = Asked("fake", TASK, 0.4, Options(max_detections=1001))
    with pytest.raises(BadRequest, match="max_detections is 1001"):
        found(ready_services(Masks()), asked)


def box(*corners: float) -> Prompt:
    return Prompt(box=np.array(corners, np.float32))


def test_prompts(serve: Callable[..., Services]) -> None:
    """A picture is embedded once, whatever the number of prompts and of steps."""
    loader = Loads()
    models, shown = of(serve("sam2/tiny", loader=loader)), picture(64, 64)
    prompts = (box(0, 0, 32, 32), box(16, 16, 64, 64))
    for _ in range(2):
        (one,) = models.segment(SAM2, [Prompted(shown, None, prompts)], room)
        assert one.boxes.tolist() == [[0, 0, 32, 32], [16, 16, 64, 64]]
    assert loader.sam.embedded == 1


@pytest.mark.parametrize(
    ("ids", "version", "words"),
    [
        ([], None, "there are no weights for /sam2"),
        ([], "large", "there are no weights for version 'large'; there are: none"),
        (["sam2/tiny"], "large", "there are no weights for version 'large'; there are: tiny"),
    ],
)
def test_no_weights(serve: Callable[..., Services], ids: list[str], version: str | None, words: str) -> None:
    with pytest.raises(NotOffered) as caught:
        of(serve(*ids)).segment(SAM2, [Prompted(picture(), version, (Prompt(),))], room)
    assert words in caught.value.message
    assert "MASKSERVE_MODEL_STORE/sam2/VERSION/" in caught.value.hint


def test_a_model_that_takes_no_prompts(serve: Callable[..., Services]) -> None:
    with pytest.raises(BadRequest, match="takes no prompts"):
        of(serve("sam3/tiny")).segment(Family("sam3", "version", "tiny"), [Prompted(picture(), None, ())], room)
