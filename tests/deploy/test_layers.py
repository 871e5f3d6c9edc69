"""deploy/ stands beside container/: it needs no model and no server, and the container does not need it."""

import ast
from pathlib import Path

import pytest

import deploy
from tests.test_layers import MODULES as CONTAINER
from tests.test_layers import ROOT, imports

PACKAGE = ROOT / "deploy"
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS = [
    {word.strip(",/") for word in line.split()}
    for line in (deploy.__doc__ or "").partition("How a command")[0].splitlines()
]


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def depth(name: str) -> int:
    """The line of the package's docstring that a part stands on; the lowest, since others may mention it."""
    return max(line for line, words in enumerate(LAYERS) if name in words)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    for name in imports(path):
        package, _, rest = name.partition(".")
        assert package not in ("torch", "torchvision", "flask", "numpy", "cv2", "PIL"), f"{path.name} imports {name}"
        if package == "deploy" and rest:
            assert depth(part(path)) <= depth(rest.split(".")[0]), f"{path.name} imports {name}, which lies above"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_of_the_container_only_what_needs_no_model_is_imported(path: Path) -> None:
    """A model's checks are imported where a model is packed, inside a function."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("container"):
            assert (node.module, [name.name for name in node.names]) in (
                ("container", ["__version__"]),
                ("container.usage", ["refusals_in_one_line"]),
            )


def test_the_container_knows_nothing_of_it() -> None:
    assert not [path for path in CONTAINER for name in imports(path) if name.split(".")[0] == "deploy"]
