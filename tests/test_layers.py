"""The fences of the house: imports go down only, and each library stays behind its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from container.engines.base import architectures
from container.formats import ranked
from container.structures import Appearance, Options
from container.structures.options import declared

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "container"

# From the top down; a module imports from its own layer's part, and from layers below.
LAYERS = (
    ("cli", "__main__", "server"),
    ("predict", "app"),
    ("protocols",),
    ("web", "workflows"),
    ("service", "training", "check", "scoring", "exchange"),
    ("formats", "store", "evaluation", "images", "models"),
    ("engines", "rendering", "datasets", "s3"),
    ("structures", "checkpoints"),
    ("ops",),
)
MAX_LINES, MAX_FUNCTION = 350, 60
SMALL, MAX_SMALL = 40, 20  # files under so many lines, and how many there may be
# Files there are as small as what they add is, and one of a package says what the package is.
PLUGINS = (
    "workflows/blocks",
    "formats",
    "images/headers",
    "images/sources",
    "engines/kinds",
    "models/policies",
    "protocols",
)
# "" is the package itself, which holds the version.
ANYWHERE = (
    "background",
    "cancellation",
    "cores",
    "environment",
    "memory",
    "errors",
    "failure",
    "fields",
    "files",
    "gate",
    "registry",
    "telemetry",
    "usage",
    "",
)
READERS_OF_SETTINGS = ("app", "cli", "predict", "server")
# Of a protocol, the modules that may read settings: they hand values to the others.
READERS_IN_PROTOCOLS = ("protocol", "settings")
SIBLINGS = (
    "protocols",
    "formats",
    "models",
    "images",
    "s3",
    "store",
    "evaluation",
)  # parts of one layer that stay apart

FENCES = {
    "flask": ("protocols", "web"),
    "flask_cors": ("web/access",),
    "werkzeug": ("protocols", "web"),
    "openvino": ("engines",),
    "torch": ("engines", "training"),
    "torchvision": ("engines", "training"),
    "transformers": ("engines",),
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "shapely": ("evaluation",),
    "psycopg": ("store",),
    "boto3": ("s3/store",),
    "botocore": ("s3",),
    "PIL": ("images", "ops", "rendering", "formats", "datasets", "training", "scoring", "exchange"),
    "regex": ("workflows/operations/patterns",),
    "cv2": ("images", "ops", "rendering", "formats", "datasets", "training"),
    "pycocotools": ("ops", "evaluation"),
    "prometheus_client": ("telemetry", "server"),
    "click": ("cli", "usage"),
    "gunicorn": ("server",),
    "matplotlib": ("training",),
    "tensorboardX": ("training",),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "container")


def part(path: Path) -> str:
    """The first name below the package: "protocols", "app"; "" for the package's own __init__."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def depth(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def test_every_part_has_a_layer() -> None:
    known = {name for layer in LAYERS for name in layer} | set(ANYWHERE) | {"settings"}
    assert {part(path) for path in MODULES} <= known


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    own = part(path)
    for name in imports(path):
        if not name.startswith("container."):
            continue
        other = name.split(".")[1]
        if other == "settings":
            reads = path.stem in READERS_IN_PROTOCOLS if own == "protocols" else own in READERS_OF_SETTINGS
            assert reads, f"{path.stem} reads settings: hand it values instead"
        elif other not in ANYWHERE and other != own and other != "__version__":
            assert own not in (*ANYWHERE, "settings"), f"{own} is a leaf and imports {name}"
            assert depth(own) <= depth(other), f"{own} imports {name}, which lies above"
            if own in SIBLINGS:
                assert depth(own) < depth(other), f"{own} imports its sibling {name}"


def test_only_protocols_and_the_application_speak_http() -> None:
    for path in MODULES:
        if part(path) not in ("web", "protocols", "app"):
            assert not [name for name in imports(path) if name.startswith("container.web")], path


def test_protocols_do_not_import_each_other() -> None:
    folders = [folder for folder in (PACKAGE / "protocols").iterdir() if (folder / "__init__.py").is_file()]
    assert folders
    for folder in folders:
        for path in folder.rglob("*.py"):
            for other in folders:
                wrong = [n for n in imports(path) if n.startswith(f"container.protocols.{other.name}")]
                assert other == folder or not wrong, f"{path.name} imports {wrong}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_behind_their_fences(path: Path) -> None:
    place = path.relative_to(PACKAGE).with_suffix("").as_posix()
    for name in imports(path):
        allowed = FENCES.get(name.split(".")[0])
        if allowed is not None:
            assert any(place == a or place.startswith(a + "/") for a in allowed), f"{place} imports {name}"


def test_the_tree_in_the_package_docstring_is_the_tree() -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))) or ""
    missing = (
        {part(path) for path in MODULES} - {""} - {word.strip("`,;:()/").removesuffix(".py") for word in text.split()}
    )
    assert not missing


def test_no_module_and_no_function_is_long() -> None:
    long = [str(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES]
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION:
                    long.append(f"{path}: {node.name}, {lines} lines")
    assert not long


def test_few_files_are_crumbs() -> None:
    small = []
    for path in MODULES:
        plug_in = path.relative_to(PACKAGE).parent.as_posix().startswith(PLUGINS)
        if path.name != "__init__.py" and not plug_in:
            small += [path] * (len(path.read_text(encoding="utf-8").splitlines()) < SMALL)
    assert len(small) <= MAX_SMALL, [str(path.relative_to(PACKAGE)) for path in small]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_who_reads_settings_writes_their_names(path: Path) -> None:
    """Others say `errors.setting_name`; check asks any server, and training reads what SageMaker sets for it."""
    if part(path) in (*READERS_OF_SETTINGS, "environment", "settings", "protocols", "check", "training", "errors"):
        return
    texts = [n.value for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant)]
    assert not [text for text in texts if isinstance(text, str) and ("MASKSERVE_" in text or "SAGEMAKER_" in text)]


def words() -> Iterator[tuple[str, str]]:
    """The file and the text of every string, but those of check, which asks any server, and COCO's keys.

    Roboflow's and Nucleus's protocols have words of their own, some of which are the same, and so has what runs
    workflows and asks models by id.
    """
    for path in MODULES:
        own = {"check", "datasets", "evaluation", "exchange", "scoring", "store", "roboflow", "nucleus", "workflows"}
        own.add("by_id.py")
        if not own & {*path.relative_to(PACKAGE).parts}:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            yield from ((path.relative_to(PACKAGE).as_posix(), text) for text in texts if isinstance(text, str))


def test_formats_and_kinds_are_named_in_their_own_files_only() -> None:
    names = {
        *(word for form in ranked() for word in (form.name, form.media_type, *form.aliases)),
        *(architecture.kind for architecture in architectures.values()),
    } - {"application/json", "text/plain"}  # which errors have, too, and bodies
    own = ("formats/", "engines/kinds/")
    assert not [(file, text) for file, text in words() if text in names and not file.startswith(own)]


def test_options_are_named_where_they_are_declared_and_used_only() -> None:
    """The check, the JSON schema, the README and the command line name none."""
    names = {*declared(Options), *declared(Appearance)}
    found = [
        (file, text) for file, text in words() if text in names and file.startswith(("protocols", "models", "cli"))
    ]
    assert found == [("protocols/sagemaker/openapi.py", "confidence")]  # an example
