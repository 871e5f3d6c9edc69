"""The README's tables of options, settings and hyperparameters, as the code declares them.

python -m tests.tables  # writes them into the README
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from container.environment import settings_of
from container.protocols.sagemaker.negotiation import Negotiation
from container.settings import Settings, variables
from container.training.hyperparameters import Hyperparameters

README = Path(__file__).parent.parent / "README.md"


def options() -> Iterable[str]:
    return (one.row(name) for name, one in Negotiation().attributes.items())


def settings() -> Iterable[str]:
    for f in settings_of(Settings):
        first, *others = variables(f.name)
        also = f" Also `{'`, `'.join(others)}`." if others else ""
        yield f"| `{first}` | {_default(f.default)} | {f.metadata['doc']}{also} |"


def hyperparameters() -> Iterable[str]:
    for f in fields(Hyperparameters):
        default = str(f.default).lower() if f.type is bool else f.default
        yield f"| `{f.name}` | {_default(default)} | {f.metadata['doc']} |"


def _default(value: object) -> str:
    return "" if value in ("", ()) else f"`{value}`"


TABLES = {"Option": options, "Variable": settings, "Hyperparameter": hyperparameters}


def written(text: str) -> str:
    """The text with the rows of each table, known by the heading of its first column."""
    for heading, rows in TABLES.items():
        table = re.compile(rf"(^\| {heading} \|.*\n\|[-|]+\n)(?:\|.*\n)+", re.MULTILINE)
        assert table.search(text), heading
        text = table.sub(lambda found, rows=rows: found[1] + "".join(f"{row}\n" for row in rows()), text, count=1)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
