"""Where answers go, and that there are no half ones."""

from pathlib import Path

import pytest

from deploy.answers import Answers, ending_by_look, ending_of
from deploy.runtime import Refused


@pytest.mark.parametrize(
    ("name", "ending", "path"),
    [("a.jpg", ".json", "a.jpg.json"), ("x/a.png", ".png", "x/a.png.png"), ("x//a", ".jpg", "x/a.jpg")],
)
def test_paths(tmp_path: Path, name: str, ending: str, path: str) -> None:
    answers = Answers(tmp_path)
    assert not answers.has(name, ending)
    assert answers.write(name, ending, b"1") == tmp_path / path
    assert answers.has(name, ending)
    assert [p.name for p in (tmp_path / path).parent.iterdir()] == [Path(path).name]  # and no part of a file


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "x/../../a.jpg", "", "a\0b"])
def test_keys_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="leads out"):
        Answers(tmp_path).write(name, ".json", b"1")
    assert not Answers(tmp_path).has(name, ".json")


def test_an_answer_that_breaks_off_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(Refused, match="cannot be written: No space"):
        Answers(tmp_path).write("a.jpg", ".json", b"1")
    assert not Answers(tmp_path).has("a.jpg", ".json")


@pytest.mark.parametrize(
    ("media_type", "ending"),
    [("application/json", ".json"), ("Image/JPEG; q=1", ".jpg"), ("image/png", ".png"), ("text/html", ".bin")],
)
def test_endings(media_type: str, ending: str) -> None:
    assert ending_of(media_type) == ending


@pytest.mark.parametrize(
    ("data", "ending"), [(b"\xff\xd8\xff\xe0", ".jpg"), (b"\x89PNG\r\n\x1a\n", ".png"), (b'{"labels": []}', ".json")]
)
def test_endings_by_look(data: bytes, ending: str) -> None:
    assert ending_by_look(data) == ending
