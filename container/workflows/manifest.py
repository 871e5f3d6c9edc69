"""What a block is: the fields that a step of it has, what it gives, what it does with one picture, and may ask for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from container.registry import Registry

if TYPE_CHECKING:
    from container.workflows.models import Models

Row = Mapping[str, Any]  # the values of a step's fields for one picture, by name
REQUIRED: Final = object()  # the default of a field that has none


class Takes(Protocol):
    """Literal values of a field, such as those of container.fields."""

    @property
    def words(self) -> str:
        """The values in words, such as "a number from 0 to 1"."""
        ...

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        ...

    def convert(self, value: object) -> Any:
        """Return a JSON value as the block gets it; ValueError, which may say in one line what is wrong with it."""
        ...


@dataclass(frozen=True)
class Field:
    """A field of a step: a literal, or a selector such as $inputs.confidence or $steps.crop.crops."""

    name: str
    doc: str
    takes: Takes | None = None  # None if it takes selectors only
    kinds: tuple[str, ...] = ()  # of what a selector may stand for (container.workflows.kinds); () takes literals only
    default: Any = REQUIRED  # None: null is taken, too
    aliases: tuple[str, ...] = ()
    holds: Literal["one", "list", "dict"] = "one"  # a list or an object whose every entry is a literal or a selector
    level: int = 0  # 1: the block gets the list of what lies one level deeper, such as all crops of a picture
    steps: bool = False  # True if its selectors name steps, such as $steps.crop, which run after it


@dataclass(frozen=True)
class Output:
    """What a step gives under one name."""

    name: str
    kinds: tuple[str, ...]


@dataclass(eq=False)
class Step:
    """One step of one request."""

    name: str
    models: "Models"
    check: Callable[[], None]  # raises DeadlineExceeded or ClientGone if the answer is not wanted any more
    room: Callable[[int], None]  # raises PayloadTooLarge if so many more pixels are too many; ask before drawing
    shared: dict[Any, Any] = field(default_factory=dict)  # of all steps of the request, for what is costly


class Block(ABC):
    """A plug-in: a subclass in a file of `blocks`, and `add(…)` of an instance of it."""

    ids: tuple[str, ...]  # values of a step's `type`; the first is shown
    title: str  # a few words
    doc: str  # one sentence
    fields: tuple[Field, ...]
    outputs: tuple[Output, ...]
    deeper = False  # True if it gives a list for every picture, such as crops
    takes_missing = False  # True if it also runs where an input is missing, as its step did not run there; it gets None
    flow = False  # True if its one result, `run(…)["next"]` True or False, says whether steps in its fields run

    @abstractmethod
    def run(self, row: Row, step: Step) -> Any:
        """Return the outputs by name for one picture, or a list of such if the block is `deeper`.

        Raises ServingError for what the client can mend; StepFailed for anything else that is known.
        """

    def run_all(self, rows: Sequence[Row], step: Step) -> list[Any]:
        """Return what `run` does for every picture; models take them all together."""
        results = []
        for row in rows:
            step.check()
            results.append(self.run(row, step))
        return results


blocks: Registry[Block] = Registry("block", "container.workflows.blocks")  # by each of their ids


def add(block: Block) -> None:
    """Register a block under its ids; ValueError if one is taken."""
    for name in block.ids:
        blocks.add(name, block)
