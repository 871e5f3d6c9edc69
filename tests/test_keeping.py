"""store verify | backup | export | import, as they are typed, beside a server's process."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from container.store.store import Store
from tests.conftest import ROOT
from tests.store.filled import blob_files, rows, store_command
from tests.store.filled import filled as filled_store

SUMMARY = "2 datasets, 4 items, 5 annotations, 1 runs, 4 predictions, 1 evaluations, 4 files\n"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with something in every table, which stays open."""
    with filled_store(tmp_path_factory.mktemp("keeping") / "store") as opened:
        yield opened


@pytest.fixture
def run(filled: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command in an empty folder, with the store of the setting."""
    monkeypatch.setenv("MASKSERVE_STORE", str(filled.folder))
    monkeypatch.chdir(tmp_path)
    return store_command


def test_a_store_is_verified_copied_exported_and_read_again(run, filled: Store) -> None:
    done = run("verify")
    assert done.exit_code == 0 and done.stdout.endswith("each read and hashed\nnothing is wrong\n"), done.output
    assert "prediction: 4 rows\n" in done.stdout
    assert run("backup", "copy").stdout == "copy: blobs are linked\n"
    assert run("verify", "--store", "copy").exit_code == 0
    assert run("export", "store.tar").stderr == SUMMARY
    assert run("import", "store.tar", "--store", "second").stderr == SUMMARY
    with filled.read() as one, Store.current(Path("second")).read() as two:
        assert rows(one) == rows(two)
    assert sorted(path.name for path in Path().iterdir()) == ["copy", "second", "store.tar"]


def test_what_is_wrong_gives_exit_code_1(run, filled: Store) -> None:
    run("backup", "copy")
    blob_files(Store.current(Path("copy")))[0].unlink()
    done = run("verify", "--store", "copy")
    assert done.exit_code == 1 and done.stdout.endswith("\n1 wrong\n")
    assert "Wrong: blob " in done.stdout and "its file is missing\n" in done.stdout


def test_export_and_import_are_a_pipe(run, filled: Store, tmp_path: Path) -> None:
    command = f"{sys.executable} -m container store"
    piped = f"{command} export - | {command} import - --store {tmp_path / 'piped'}"
    done = subprocess.run(["sh", "-c", piped], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "" and done.stderr == SUMMARY * 2
    with filled.read() as one, Store.current(tmp_path / "piped").read() as two:
        assert rows(one) == rows(two)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", "--store", "nowhere"), "nowhere: no store lies there"),
        (("backup", "full"), "full is there and not empty: a backup overwrites nothing"),
        (("export", "full"), "full is there; nothing is overwritten"),
        (("export", "no/folder.tar"), "No such file or directory"),
        (("import", "none.tar"), "none.tar: No such file or directory"),
        (("import", "bad.tar", "--store", "new"), "the archive cannot be read: "),
        (("import", "bad.tar"), "the store is not empty: it has rows of blob, dataset"),
        (("import", "bad.tar", "--store", "bad.tar"), "cannot be opened: File exists"),
        (("verify", "--store", "bad"), "'bad' cannot be opened: file is not a database"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], words: str, run) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    Path("bad").mkdir()
    for name in ("bad.tar", "bad/store.sqlite3"):
        Path(name).write_bytes(b"nothing of the kind" * 100)
    done = run(*arguments)
    assert done.exit_code == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.output
    assert not [path for path in Path().iterdir() if path.name not in ("full", "bad", "bad.tar", "new")]


def test_a_store_of_another_version_is_left_as_it_is(run) -> None:
    run("backup", "old")
    connection = sqlite3.connect("old/store.sqlite3")
    connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.commit()
    for command in (("verify",), ("backup", "copy"), ("export", "copy")):
        done = run(*command, "--store", "old")
        assert done.exit_code == 1 and "its tables are of version 0002, those of " in done.stderr
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
    connection.close()
