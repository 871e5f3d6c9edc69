"""The tables of options, settings, hyperparameters and blocks in the README and in docs/, as the code declares them.

python -m tests.tables  # writes them there
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

from container.environment import settings_of
from container.protocols.sagemaker.negotiation import Negotiation
from container.settings import Settings, variables
from container.training.hyperparameters import Hyperparameters
from container.workflows.manifest import REQUIRED, Block, Field, blocks

PREFIX = "roboflow_core/"

ROOT = Path(__file__).parent.parent
README, WORKFLOWS = ROOT / "README.md", ROOT / "docs" / "workflows.md"
COLORS = {"color_palette", "palette_size", "custom_colors", "color_axis"}  # as one word in the table of blocks


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


def workflow_blocks() -> Iterable[str]:
    """A row for each block; versions that take and give the same share one."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for one in sorted({id(one): one for one in blocks.values()}.values(), key=lambda one: one.ids[0]):
        row = one.title, _fields(one), ", ".join(f"`{output.name}`" for output in one.outputs)
        names.setdefault(row, []).extend(name.removeprefix(PREFIX) for name in one.ids)
    for (title, taken, given), some in names.items():
        yield f"| {title} | {', '.join(f'`{name}`' for name in some)} | {taken} | {given} |"


def _fields(block: Block) -> str:
    taken = {one.name: _field(one) for one in block.fields}
    if taken.keys() >= COLORS:
        taken = {name: text for name, text in taken.items() if name not in COLORS} | {"": "colours"}
    return ", ".join(taken.values())


def _field(field: Field) -> str:
    name = "/".join((field.name, *field.aliases))
    return f"**`{name}`**" if field.default is REQUIRED else f"`{name}` {json.dumps(field.default, default=str)}"


def _default(value: object) -> str:
    return "" if value in ("", ()) else f"`{value}`"


Tables = dict[str, Callable[[], Iterable[str]]]
TABLES: dict[Path, Tables] = {  # by file
    README: {"Option": options, "Variable": settings, "Hyperparameter": hyperparameters},
    WORKFLOWS: {"Block": workflow_blocks},
}


def written(path: Path) -> str:
    """The text of a file with the rows of each table, known by the heading of its first column."""
    text = path.read_text(encoding="utf-8")
    for heading, rows in TABLES[path].items():
        table = re.compile(rf"(^\| {heading} \|.*\n\|[-|]+\n)(?:\|.*\n)*", re.MULTILINE)
        assert table.search(text), heading
        text = table.sub(lambda found, rows=rows: found[1] + "".join(f"{row}\n" for row in rows()), text, count=1)
    return text


if __name__ == "__main__":
    for path in TABLES:
        path.write_text(written(path), encoding="utf-8")
