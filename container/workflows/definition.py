"""A specification, read: its inputs, its steps with their fields, its outputs; references are not looked up yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

from container.errors import shown
from container.fields import MAX_SHOWN, Flag, Number
from container.workflows import kinds
from container.workflows.errors import DuplicatedName, Fault, SyntaxFault, UnknownVersion, VersionFault
from container.workflows.manifest import REQUIRED, Block, Field, blocks

ENGINE_VERSION = "1.17.0"  # of the specifications that are understood
MAX_STEPS = MAX_OUTPUTS = MAX_INPUTS = 200
MAX_NAME = 200  # characters
MAX_VALUES = 100_000  # in a specification, those in lists and objects counted
MAX_FAULTS = 20  # that an error tells of; each may list all blocks
MAX_VERSION = 30  # characters
_INPUTS, _STEPS = "$inputs.", "$steps."
_INPUT_TYPES = {
    "InferenceImage": kinds.IMAGE,
    "WorkflowImage": kinds.IMAGE,
    "InferenceParameter": "parameter",
    "WorkflowParameter": "parameter",
    "WorkflowBatchInput": "batch",
    "WorkflowVideoMetadata": "video_metadata",
}


class Selector(NamedTuple):
    """A reference to an input, an output of a step, all of its outputs (`*`), or the step itself (no output).

    As text it is what stands in the specification, cut short where no names are that long.
    """

    of: str  # "inputs" or "steps"
    name: str
    output: str = ""

    def __str__(self) -> str:
        """Return it as it stands in messages."""
        return shown(f"${self.of}.{self.name}{'.' if self.output else ''}{self.output}")


@dataclass(frozen=True)
class Literal:
    """A value that stands in the specification, converted."""

    value: Any


Source = Selector | Literal | list["Selector | Literal"] | dict[str, "Selector | Literal"]  # of a field's value


@dataclass(frozen=True)
class Input:
    """An input of the workflow."""

    name: str
    type: str  # "image", "parameter", "batch" or "video_metadata"
    kinds: tuple[str, ...]
    default: Any = None
    depth: int = 1  # of a batch: nestings of lists

    @property
    def optional(self) -> bool:
        """True if a request may leave it out."""
        return self.type in ("parameter", "video_metadata") or self.default is not None


@dataclass(frozen=True)
class StepSpec:
    """A step, and where the value of each field of its block comes from."""

    name: str
    type: str  # as it stands in the specification
    block: Block
    sources: Mapping[str, Source]

    def fault(self, name: str = "", details: str = "") -> Fault:
        """Return where something is wrong with the step."""
        return Fault(self.name, self.type, name, details)

    def parts(self) -> Iterator[tuple[Field, int | str | None, "Selector | Literal"]]:
        """Yield where each value comes from, with its field and, in a list or an object, its index or key."""
        for one in self.block.fields:
            source = self.sources[one.name]
            if isinstance(source, list):
                yield from ((one, i, part) for i, part in enumerate(source))
            elif isinstance(source, dict):
                yield from ((one, key, part) for key, part in source.items())
            else:
                yield one, None, source

    def selectors(self) -> Iterator[tuple[Field, Selector]]:
        """Yield every selector with its field."""
        yield from ((one, part) for one, _, part in self.parts() if isinstance(part, Selector))


@dataclass(frozen=True)
class OutputSpec:
    """An output of the workflow."""

    name: str
    selector: Selector
    own: bool  # True for coordinates of the crop, False for those of the picture of the request


@dataclass(frozen=True)
class Definition:
    """A specification."""

    inputs: Mapping[str, Input]
    steps: Mapping[str, StepSpec]
    outputs: tuple[OutputSpec, ...]


def parse(document: object) -> Definition:
    """Return a specification; raises SyntaxFault with every fault, DuplicatedName, VersionFault."""
    if not isinstance(document, Mapping):
        raise SyntaxFault(f"the specification is {_short(document)}; it takes an object with {', '.join(_MEMBERS)}")
    _check_size(document)
    missing = [name for name in _MEMBERS if name not in document]
    if missing:
        raise SyntaxFault(f"the specification lacks {', '.join(missing)}")
    _check_version(document["version"])
    if document.get("dynamic_blocks_definitions"):
        raise SyntaxFault(
            "dynamic_blocks_definitions holds Python code, which this server does not run",
            hint="use the blocks that GET /workflows/blocks/describe lists",
        )
    faults: list[Fault] = []
    inputs = [_input(entry, faults) for entry in _entries(document, "inputs", MAX_INPUTS)]
    steps = [_step(entry, faults) for entry in _entries(document, "steps", MAX_STEPS)]
    outputs = [_output(entry, faults) for entry in _entries(document, "outputs", MAX_OUTPUTS)]
    if faults:
        first = faults[0]
        beside = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise SyntaxFault(f"{first.block}: {first.details}{beside}", *faults[:MAX_FAULTS])
    return Definition(_unique("input", inputs), _unique("step", steps), tuple(_unique("output", outputs).values()))


_MEMBERS = ("version", "inputs", "steps", "outputs")


def _check_size(document: Mapping[str, Any]) -> None:
    waiting: list[Any] = [document]
    count = 0
    while waiting:
        value = waiting.pop()
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        count += len(inner)
        if count > MAX_VALUES:
            raise SyntaxFault(f"the specification holds over {MAX_VALUES} values")
        waiting += inner


def _check_version(given: object) -> None:
    try:
        version = Version(str(given)[: MAX_VERSION + 1])
        if len(str(given)) > MAX_VERSION:
            raise InvalidVersion
    except InvalidVersion:
        raise VersionFault(f"version is {_short(given)}; it takes one such as 1.0") from None
    own = Version(ENGINE_VERSION)
    if version.major != own.major or version > own:
        raise UnknownVersion(f"version is {_short(given)}; this server runs 1.0 to {ENGINE_VERSION}")


def _entries(document: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    entries = document[name]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise SyntaxFault(f"{name} of the specification is {_short(entries)}; it takes a list of objects")
    if len(entries) > most:
        raise SyntaxFault(f"the specification has {len(entries)} {name}; at most {most} are allowed")
    return entries


def _unique(what: str, entries: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for entry in entries:
        if entry.name in named:
            raise DuplicatedName(f"two {what}s are called {shown(entry.name)}")
        named[entry.name] = entry
    return named


def _name(entry: Mapping[str, Any], what: str, faults: list[Fault]) -> str:
    name = entry.get("name")
    if isinstance(name, str) and 0 < len(name) <= MAX_NAME:
        return name
    faults.append(
        Fault(what, str(entry.get("type", ""))[:MAX_NAME], "name", f"name is {_short(name)}; it takes a text")
    )
    return ""


def _input(entry: Mapping[str, Any], faults: list[Fault]) -> Input:
    name, given = _name(entry, "$inputs", faults), entry.get("type")
    kind = _INPUT_TYPES.get(given) if isinstance(given, str) else None
    if kind is None:
        faults.append(Fault(name or "$inputs", "", "type", _unknown("type", given, _INPUT_TYPES)))
        return Input(name, "", ())
    if kind == kinds.IMAGE:
        return Input(name, kind, (kinds.IMAGE,))
    if kind == "video_metadata":
        return Input(name, kind, (kinds.DICTIONARY,))
    named = entry.get("kind") or [kinds.ANY]
    listed = named if isinstance(named, list) else [named]
    read = tuple(str(one.get("name") if isinstance(one, Mapping) else one) for one in listed)
    if not set(read) <= set(kinds.WORDS):
        faults.append(
            Fault(name, given or "", "kind", f"kind is {_short(named)}; it takes a list of " + ", ".join(kinds.WORDS))
        )
        return Input(name, kind, ())
    depth = entry.get("dimensionality", 1)
    if kind == "batch" and (not isinstance(depth, int) or not 1 <= depth <= 3):
        faults.append(Fault(name, given or "", "dimensionality", f"dimensionality is {_short(depth)}; it takes 1 to 3"))
        depth = 1
    return Input(name, kind, read, entry.get("default_value"), depth if kind == "batch" else 1)


def _step(entry: Mapping[str, Any], faults: list[Fault]) -> StepSpec:
    name, given = _name(entry, "$steps", faults), entry.get("type")
    if not isinstance(given, str) or given not in blocks:
        details = _unknown("type", given, sorted({block.ids[0] for block in blocks.values()}))
        faults.append(Fault(name or "$steps", str(given)[:MAX_NAME], "type", details))
        return StepSpec(name, "", _NOTHING, {})
    block = blocks[given]
    sources: dict[str, Source] = {}
    for one in block.fields:
        try:
            sources[one.name] = _source(one, entry)
        except ValueError as error:
            faults.append(Fault(name, given, one.name, str(error)))
    return StepSpec(name, given, block, sources)


def _source(one: Field, entry: Mapping[str, Any]) -> Source:
    """Return where a field's value comes from; ValueError says what is wrong with it."""
    names = [name for name in (one.name, *one.aliases) if name in entry]
    if not names:
        if one.default is REQUIRED:
            raise ValueError(f"{one.name} is missing; it takes {words(one)}")
        return Literal(one.default)
    value = entry[names[0]]
    if one.holds == "one" or (value is None and one.default is None):
        return _part(one, value, one.name)
    if one.holds == "list" and isinstance(value, list):
        return [_part(one, part, f"{one.name}[{i}]") for i, part in enumerate(value)]
    if one.holds == "dict" and isinstance(value, Mapping):
        return {str(key): _part(one, part, f"{one.name}.{str(key)[:MAX_NAME]}") for key, part in value.items()}
    raise ValueError(f"{one.name} is {_short(value)}; it takes {'a list' if one.holds == 'list' else 'an object'}")


def _part(one: Field, value: object, name: str) -> Selector | Literal:
    found = selector(value)
    if found is None:
        return Literal(convert(one, value, name))
    if not one.kinds and not one.steps:
        raise ValueError(f"{name} is {_short(value)}; it takes no selector, but {words(one)}")
    return found


def selector(value: object) -> Selector | None:
    """Return the selector that a value of the specification is, None for any other value."""
    if not isinstance(value, str):
        return None
    if value.startswith(_INPUTS):
        return Selector("inputs", value[len(_INPUTS) :])
    if value.startswith(_STEPS):
        name, _, output = value[len(_STEPS) :].partition(".")
        return Selector("steps", name, output)
    return None


def convert(one: Field, value: object, name: str = "", taken: str = "") -> Any:
    """Return a literal of a field as its block gets it; ValueError says what it takes. Numbers and flags may be texts.

    `name` and `taken` stand in the message in place of the field's name and of all that it takes.
    """
    if value is None and one.default is None:
        return None
    try:
        if one.takes is None:
            raise ValueError
        if isinstance(one.takes, Number | Flag) and isinstance(value, str):
            value = one.takes.parse(value)
        return one.takes.convert(value)
    except (ValueError, OverflowError) as error:
        said = str(error) if one.takes is not None and not isinstance(one.takes, Number) else ""
        name = name or one.name
        raise ValueError(
            f"{name}: {said}" if said else f"{name} is {_short(value)}; it takes {taken or words(one)}"
        ) from None


def words(one: Field) -> str:
    """Return what a field takes, in words."""
    if one.steps:
        return 'selectors of steps, such as ["$steps.crop"]'
    taken = [one.takes.words] if one.takes is not None else []
    if one.kinds:
        taken.append(f"a selector of {', '.join(one.kinds)}" if kinds.ANY not in one.kinds else "a selector")
    return " or ".join(taken)


def _output(entry: Mapping[str, Any], faults: list[Fault]) -> OutputSpec:
    name = _name(entry, "$outputs", faults)
    details = ""
    if entry.get("type", "JsonField") != "JsonField":
        details, wrong = _unknown("type", entry["type"], ["JsonField"]), "type"
    found = selector(entry.get("selector"))
    if found is None:
        details, wrong = (
            f"selector is {_short(entry.get('selector'))}; it takes one such as $steps.model.predictions",
            "selector",
        )
    system = entry.get("coordinates_system", "parent")
    if system not in ("parent", "own"):
        details, wrong = _unknown("coordinates_system", system, ["parent", "own"]), "coordinates_system"
    if details:
        faults.append(Fault("$outputs", "JsonField", wrong, f"output {shown(name)}: {details}"))
    return OutputSpec(name, found or Selector("inputs", ""), system == "own")


def _unknown(what: str, given: object, known: Any) -> str:
    return f"{what} is {_short(given)}; it takes one of {', '.join(known)}"


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else "an object" if isinstance(value, Mapping) else str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


class _Nothing(Block):
    """Stands for an unknown block until all faults are found."""

    ids, title, doc, fields, outputs = (), "", "", (), ()

    def run(self, row: Mapping[str, Any], step: object) -> Any:
        raise NotImplementedError


_NOTHING = _Nothing()
