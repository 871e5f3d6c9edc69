"""Records that are read from environment variables: how a field is declared, and how a record is read.

`Settings` is one; a protocol may have one of its own.
"""

from collections.abc import Mapping
from dataclasses import Field, field, fields
from typing import Any, TypeVar

from container.fields import Flag, Number, Text, Word

PREFIX = "MASKSERVE_"
_FOREIGN = ("SAGEMAKER_", "ENABLE_")  # beginnings of names that SageMaker or Roboflow's server gave

Record = TypeVar("Record")


Takes = Number | Word | Text
ANY: dict[type, Takes | Flag] = {bool: Flag(), int: Number(whole=True), float: Number(), str: Text()}


def setting(default: object, doc: str, *names: str, takes: Takes | None = None, secret: bool = False) -> Any:
    """A field that is read from the first of the environment variables `names` that is set (own ones get PREFIX).

    It takes any value of the type of its default, or what `takes` says. A `secret` is never shown: neither in the
    record's repr nor in what is said about a wrong value.
    """
    takes_any = ANY[type(default)]
    return field(default=default, repr=not secret, metadata={"names": names, "doc": doc, "takes": takes or takes_any})


def read(record: type[Record], environ: Mapping[str, str]) -> Record:
    """A record whose fields are made by `setting` out of the environment; ValueError for a value that is none."""
    values: dict[str, Any] = {}
    for f in settings_of(record):
        for name in variables_of(record, f.name):
            if environ.get(name, "").strip():
                values[f.name] = _parsed(f.metadata["takes"], name, environ[name].strip())
                break
    return record(**values)


def settings_of(record: type) -> list[Field[Any]]:
    """The fields of a record that are made by `setting`."""
    return [f for f in fields(record) if "names" in f.metadata]


def variables_of(record: type, name: str) -> tuple[str, ...]:
    """The environment variables that a field of a record is read from, first one first."""
    names = next(f for f in fields(record) if f.name == name).metadata["names"]
    return tuple(n if n.startswith(_FOREIGN) else PREFIX + n for n in names)


def _parsed(takes: Takes | Flag, name: str, text: str) -> object:
    if isinstance(takes, Flag):
        # Anything else is false, and SageMaker's local mode writes "True" where SageMaker writes "true".
        return text.lower() in ("true", "1", "yes")
    try:
        return takes.parse(text)
    except ValueError:
        assert isinstance(takes, Number)  # any text is a Word or a Text
        raise ValueError(f"{name} is {text!r}; it takes {takes.noun}") from None
