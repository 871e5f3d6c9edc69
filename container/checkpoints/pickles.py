"""An unpickler that runs nothing: it makes plain values, descriptions of tensors, and stand-ins for everything else.

torch's own restricted loader runs no foreign code either, but what it does run can be made to harm: 81 KB took 6 GB
(`Counter` of one text, time after time), 1 MB took 4.6 GB (`encode`). Here whatever is called makes a stand-in.
"""

import pickletools
from collections.abc import Callable
from typing import Any

from container.checkpoints import tensors
from container.checkpoints.values import Encoded, Name, Sized, StandIn, Tensor, Unreadable

MAX_DEPTH = 1000  # of what is begun and not ended: tuples, lists and dicts in one another
MAX_STACK = 500_000  # values that wait to be used
MAX_TUPLE, MAX_TUPLE_DEPTH = 1000, 32  # values of a tuple that is a key, or deeper than that
MAX_KEYS = 10_000  # that are not text: an optimizer numbers its parameters

# Modules that reach out of the process. Nothing of them is called, but who wrote such a file meant harm.
_HARMFUL = {
    *("os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "runpy", "importlib", "ctypes", "pty", "code"),
    *("codeop", "commands", "webbrowser", "pdb", "bdb", "timeit", "multiprocessing", "asyncio", "urllib", "requests"),
    *(f"{module} {name}" for module in ("builtins", "__builtin__") for name in ("eval", "exec", "compile", "execfile")),
    *(f"{module} {name}" for module in ("builtins", "__builtin__") for name in ("open", "input", "__import__")),
}
_DICTS = {"collections OrderedDict", "collections defaultdict"}


def load(stream: Any, persistent: Callable[[Any], Any]) -> Any:
    """Read one pickle from a stream, up to its end.

    `persistent` resolves persistent ids. Unreadable with the reason, or what pickletools raises for damaged pickles.
    """
    machine = _Machine(persistent)
    for opcode, argument, _ in pickletools.genops(stream):
        machine.step(opcode.name, argument)
    return machine.stack[-1]


def _called(called: Any, arguments: Any) -> Any:
    """Return what stands for the result of a call."""
    if not isinstance(called, Name):
        return StandIn(None, "it calls what is no function")
    if not isinstance(arguments, tuple):
        raise Unreadable("it calls with what are no arguments")
    name = str(called)
    _check_harmless(called)
    if name in _DICTS:
        return _pairs(arguments)
    if name == "_codecs encode" and len(arguments) == 2 and arguments[1] == "latin1" and isinstance(arguments[0], str):
        return Encoded(arguments[0])
    return tensors.rebuilt(called, arguments) or StandIn(called, f"it calls {name[:60]!r}", arguments)


def _pairs(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return the dict of a list of pairs, as which protocols 0 and 1 write an OrderedDict."""
    pairs = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else []
    return {pair[0]: pair[1] for pair in pairs if isinstance(pair, list | tuple) and _is_entry(pair)}


def _is_entry(pair: Any) -> bool:
    return len(pair) == 2 and isinstance(pair[0], str)


def _check_harmless(name: Name) -> None:
    if name.module.partition(".")[0] in _HARMFUL or str(name) in _HARMFUL:
        raise Unreadable(f"it would run {name.module}.{name.name}"[:80])


class _Machine:
    """The stacks and the memo of one pickle; the methods below `step` do what the opcode of their name asks for."""

    def __init__(self, persistent: Callable[[Any], Any]) -> None:
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._persistent = persistent
        self._keys = 0

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _ARGUMENTS:
            self.stack.append(argument)
        elif opcode in _CONSTANTS:
            if len(self.stack) == MAX_STACK:
                raise Unreadable(f"it begins {MAX_STACK} values before it uses one")
            self.stack.append(_CONSTANTS[opcode]())
        elif opcode in _STEPS:
            _STEPS[opcode](self, argument)
        elif opcode not in ("PROTO", "FRAME", "STOP"):
            raise Unreadable(f"it holds {opcode}")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def popped(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        del self.stack[-count:]
        if len(items) < count:
            raise Unreadable("it takes what is not there")
        return items

    def marked(self) -> list[Any]:
        """Return what lies above the last mark, which is taken off."""
        items, self.stack = self.stack, self._marks.pop()
        return items

    def mark(self) -> None:
        if len(self._marks) == MAX_DEPTH:
            raise Unreadable(f"it is over {MAX_DEPTH} deep")
        self._marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.marked()

    def make_tuple(self, parts: list[Any]) -> None:
        value = Sized(parts)
        inner = [part for part in parts if isinstance(part, Sized)]
        value.size = 1 + len(parts) - len(inner) + sum(part.size for part in inner)
        value.depth = 1 + max((part.depth for part in inner), default=0)
        if value.size > MAX_TUPLE and value.depth > MAX_TUPLE_DEPTH:
            raise Unreadable(f"it has a tuple of over {MAX_TUPLE} values, one in another")
        self.stack.append(value)

    def make_dict(self, items: list[Any]) -> None:
        self.stack.append({})
        self.set_items(items)

    def set_items(self, items: list[Any]) -> None:
        """Keep entries under text; others are counted: no such key is hashed, which can take 2^60 steps."""
        target = self.stack[-1]
        entries = target.items if isinstance(target, StandIn) else target
        if not isinstance(entries, dict):
            raise Unreadable("it puts entries into what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str):
                entries[key] = value
                continue
            self._keys += 1
            if isinstance(key, Sized) and key.size > MAX_TUPLE:
                raise Unreadable(f"it has a key that is a tuple of over {MAX_TUPLE} values")
            if self._keys > MAX_KEYS:
                raise Unreadable(f"it has over {MAX_KEYS} keys that are not text")

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, StandIn):
            raise Unreadable("it appends to what is no list")

    def memoize(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Unreadable("it names a class by what is no text")
        self.stack.append(Name(module, name))

    def call(self) -> None:
        self.stack.append(_called(*self.popped(2)))

    def instantiate(self, opcode: str, called: Any, arguments: Any) -> None:
        of = called if isinstance(called, Name) else None
        given = tuple(arguments) if isinstance(arguments, tuple | list) else ()
        if of is not None:
            _check_harmless(of)
        if str(of) == "torch.nn.parameter Parameter" and given and isinstance(given[0], Tensor):
            self.stack.append(given[0])
        else:
            self.stack.append(StandIn(of, f"it holds {opcode} of {str(of)[:60]!r}", given))

    def build(self) -> None:
        (state,) = self.popped(1)
        target = self.stack[-1]
        if isinstance(target, StandIn):
            target.state = state
        elif not isinstance(target, dict) or not isinstance(state, dict):  # attributes of an OrderedDict
            raise Unreadable("it sets attributes of what has none")

    def resolve(self, identity: Any) -> None:
        self.stack.append(self._persistent(identity))


# Opcodes that push their argument, and those that push what they stand for.
_ARGUMENTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": lambda: (),
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: StandIn(None, "it holds a set"),
}
_STEPS: dict[str, Callable[[_Machine, Any], object]] = {
    "MARK": lambda m, _: m.mark(),
    "POP": lambda m, _: m.pop(),
    "POP_MARK": lambda m, _: m.marked(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "TUPLE": lambda m, _: m.make_tuple(m.marked()),
    "TUPLE1": lambda m, _: m.make_tuple(m.popped(1)),
    "TUPLE2": lambda m, _: m.make_tuple(m.popped(2)),
    "TUPLE3": lambda m, _: m.make_tuple(m.popped(3)),
    "LIST": lambda m, _: m.push(m.marked()),
    "DICT": lambda m, _: m.make_dict(m.marked()),
    "FROZENSET": lambda m, _: m.push(StandIn(None, "it holds a set", tuple(m.marked()))),
    "APPEND": lambda m, _: m.append(m.popped(1)),
    "APPENDS": lambda m, _: m.append(m.marked()),
    "ADDITEMS": lambda m, _: m.append(m.marked()),
    "SETITEM": lambda m, _: m.set_items(m.popped(2)),
    "SETITEMS": lambda m, _: m.set_items(m.marked()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), lambda m, place: m.memoize(place)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, place: m.stack.append(m._memo[place])),
    "GLOBAL": lambda m, names: m.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*m.popped(2)),
    "REDUCE": lambda m, _: m.call(),
    "NEWOBJ": lambda m, _: m.instantiate("NEWOBJ", *m.popped(2)),
    "NEWOBJ_EX": lambda m, _: m.instantiate("NEWOBJ_EX", *m.popped(3)[:2]),
    "INST": lambda m, names: m.instantiate("INST", Name(*names.split(" ", 1)), m.marked()),
    "OBJ": lambda m, _: m.instantiate("OBJ", *_first(m.marked())),
    "BUILD": lambda m, _: m.build(),
    "PERSID": lambda m, identity: m.resolve(identity),
    "BINPERSID": lambda m, _: m.resolve(m.popped(1)[0]),
}


def _first(items: list[Any]) -> tuple[Any, list[Any]]:
    return items[0], items[1:]
