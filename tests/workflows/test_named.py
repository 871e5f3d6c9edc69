"""Workflows by name: files that come, change, break and go, names that are none, and what an export wraps."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from container.errors import NotFound
from container.workflows.describe import definition_schema
from container.workflows.errors import DuplicatedName, SyntaxFault, WorkflowError
from container.workflows.named import BUILT_IN, MAX_BYTES, MAX_LISTED, Library, specification_of
from tests.workflows.small_blocks import spec, step

SIDE = spec(step("side", "side", image="$inputs.image"), outputs={"side": "$steps.side.side"})


def named(output: str) -> dict[str, Any]:
    """A workflow that is told from others by its output."""
    return spec(step("side", "side", image="$inputs.image"), outputs={output: "$steps.side.side"})


def write(folder: Path, name: str, document: Any) -> None:
    (folder / f"{name}.json").write_text(document if isinstance(document, str) else json.dumps(document))


def output(library: Library, name: str, version: str = "") -> str:
    return library.plan(name, version).definition.outputs[0].name


@pytest.fixture
def library(tmp_path: Path) -> Library:
    folder = tmp_path / "workflows"
    folder.mkdir()
    write(folder, "sides", named("plain"))
    write(folder, "sides@2", named("second"))
    write(tmp_path, "outside", SIDE)
    return Library(folder)


@pytest.fixture
def folder(tmp_path: Path, library: Library) -> Path:
    return tmp_path / "workflows"


def test_versions(library: Library) -> None:
    assert output(library, "sides") == "plain"
    assert output(library, "sides", "2") == "second"
    assert output(library, "sides", "7") == "plain"
    assert library.names() == ["blur-people", "count-objects", "sides"]


@pytest.mark.parametrize("name", ["Größe", "数える", "two words", "a.b", "@"])
def test_names_of_any_language(library: Library, folder: Path, name: str) -> None:
    write(folder, name, SIDE)
    assert output(library, name) == "side"


@pytest.mark.parametrize(
    "name",
    ["../outside", "..", ".", "", "a/b", "/etc/passwd", "..\\outside", ".hidden", "x\0", "x\n", "x" * 400, "\ud800"],
)
def test_what_is_no_name_is_not_there(library: Library, folder: Path, name: str) -> None:
    write(folder, ".hidden", SIDE)
    for given in ((name, ""), ("sides2", name)):
        with pytest.raises(NotFound, match="there is no workflow"):
            library.plan(*given)


def test_links_out_of_the_folder_are_not_followed(library: Library, folder: Path) -> None:
    (folder / "link.json").symlink_to("../outside.json")
    (folder / "other.json").symlink_to("sides.json")  # as volumes of Kubernetes have them
    (folder / "round.json").symlink_to("round.json")
    assert library.names() == ["blur-people", "count-objects", "other", "sides"]
    for name in ("link", "round"):
        with pytest.raises(NotFound):
            library.plan(name)


def test_an_unknown_name_is_told_with_those_that_are_there(library: Library, folder: Path) -> None:
    with pytest.raises(NotFound) as raised:
        library.plan("side")
    assert raised.value.message == "there is no workflow 'side'; there are: blur-people, count-objects, sides"
    assert raised.value.hint == "in the folder that MASKSERVE_WORKFLOWS names, NAME.json is the workflow NAME"
    for i in range(20):
        write(folder, f"a{i:02}", SIDE)
    with pytest.raises(NotFound, match="a00, a01, .*a09 and others"):
        library.plan("side")


def test_a_file_is_read_anew_when_it_changes(library: Library, folder: Path) -> None:
    first = library.plan("sides")
    assert library.plan("sides") is first
    path = folder / "sides.json"
    before = path.stat()
    path.write_text(path.read_text().replace("plain", "plane"))  # as long as before
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert output(library, "sides") == "plane"
    write(folder, "new", named("other"))
    os.utime(folder / "new.json", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    os.replace(folder / "new.json", path)
    assert output(library, "sides") == "other"
    path.unlink()
    with pytest.raises(NotFound):
        library.plan("sides")


def test_a_file_of_the_folder_wins(folder: Path, library: Library) -> None:
    write(folder, "count-objects", named("own"))
    assert output(library, "count-objects") == "own"
    assert library.names() == ["blur-people", "count-objects", "sides"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", SyntaxFault, "it is no JSON: line 1, column 1"),
        ('{"version": "1.0",\n  oops}', SyntaxFault, "it is no JSON: line 2, column 3"),
        ("[" * 10_000, SyntaxFault, "it is no JSON"),
        ("1" * 5000, SyntaxFault, "it is no JSON"),
        (" " * (MAX_BYTES + 1), SyntaxFault, "has over 1048576 bytes"),
        ("[]", SyntaxFault, "the specification is []"),
        ('{"specification": {"steps": []}}', SyntaxFault, "the specification lacks version, inputs, outputs"),
        ('{"config": "{"}', SyntaxFault, "it is no JSON: line 1, column 2"),
        (json.dumps(spec(SIDE["steps"][0], SIDE["steps"][0])), DuplicatedName, "two steps are called 'side'"),
    ],
)  # fmt: skip
def test_a_broken_file(library: Library, folder: Path, text: str, error: type[WorkflowError], message: str) -> None:
    """It is told each time, by its name and without the server's path, until it is mended."""
    write(folder, "broken", text)
    for _ in range(2):
        with pytest.raises(error) as raised:
            library.plan("broken")
        assert raised.value.message.startswith("broken.json")
        assert raised.value.message.count("broken.json") == 1
        assert message in raised.value.message
        assert str(folder) not in raised.value.message
    (row,) = [row for row in library.listed() if row.name == "broken"]
    assert row.plan is None and message in row.error
    write(folder, "broken", SIDE)
    assert output(library, "broken") == "side"


def test_other_encodings(library: Library, folder: Path) -> None:
    (folder / "signed.json").write_text(json.dumps(SIDE), encoding="utf-8-sig")
    assert output(library, "signed") == "side"
    (folder / "wide.json").write_text(json.dumps(SIDE), encoding="utf-16")
    with pytest.raises(SyntaxFault, match="wide.json is no UTF-8"):
        library.plan("wide")


CONFIG = {"specification": SIDE, "preset": None}


@pytest.mark.parametrize(
    "document",
    [
        SIDE,
        {"specification": SIDE},
        {"specification": json.dumps(SIDE)},
        {"config": json.dumps(CONFIG), "id": "x", "name": "Sides"},
        {"config": CONFIG},
        {"config": json.dumps(SIDE)},
        {"workflow": {"config": json.dumps(CONFIG), "id": "x"}, "status": "ok"},
        {"workflow": {"config": json.dumps({"specification": json.dumps(SIDE)})}},
    ],
)
def test_what_an_export_wraps(library: Library, folder: Path, document: Any) -> None:
    assert specification_of(document) == SIDE
    write(folder, "export", document)
    assert output(library, "export") == "side"


@pytest.mark.parametrize("document", [{"workflow": {}}, {"a": 1}, [SIDE], None, 7])
def test_what_wraps_nothing(document: Any) -> None:
    assert specification_of(document) in (document, {})


def test_many_files(library: Library, folder: Path) -> None:
    for i in range(MAX_LISTED + 5):
        write(folder, f"n{i:04}", SIDE)
    assert len(library.names()) == len(library.listed()) == MAX_LISTED
    assert len(library._kept) <= MAX_LISTED
    assert output(library, f"n{MAX_LISTED + 4:04}") == "side"


def test_the_folder_is_checked(tmp_path: Path) -> None:
    Library(tmp_path).check()
    Library().check()
    with pytest.raises(ValueError, match="nowhere', which is no folder that can be read: No such file or directory"):
        Library(tmp_path / "nowhere").check()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="Not a directory"):
        Library(tmp_path / "file").check()


def test_a_folder_that_has_gone(tmp_path: Path) -> None:
    library = Library(tmp_path / "nowhere")
    assert library.names() == ["blur-people", "count-objects"]


def test_what_comes_with_the_server() -> None:
    """Each fits the schema that the server tells, and takes a model and a confidence."""
    checker = jsonschema.Draft202012Validator(definition_schema())
    assert sorted(path.stem for path in BUILT_IN.iterdir()) == ["blur-people", "count-objects"]
    for path in BUILT_IN.iterdir():
        checker.validate(json.loads(path.read_text()))
        plan = Library().plan(path.stem)
        assert [*plan.definition.inputs] == ["image", "model_id", "confidence"]
        assert [one.name for one in plan.definition.outputs] == ["count_objects", "output_image", "predictions"]
