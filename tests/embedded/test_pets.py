"""What counts as the right name of a pet."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.embedded import pets
from tests.embedded.pets import MANY, SETS, verdict, verdicts
from tests.embedded.teachers import GROUPS
from tests.fakes import FakeEngine


def test_no_run_learns_from_them() -> None:
    assert not {*SETS} & {*GROUPS}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["cat"], "right"),
        (["cat", "cat"], "right"),
        (["cat", "person"], "right"),
        (["dog"], "wrong"),
        (["cat", "dog"], "wrong"),
        (["cat", "couch"], "wrong"),
        (["person"], "nothing"),
        ([], "nothing"),
    ],
)
def test_verdict(found: list[str], expected: str) -> None:
    assert verdict(found, "cat") == expected


def test_photos_of_one_pet_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds a horse and a person on every photo."""
    photos = [("natural", 19), ("kaggle_cd", 19), ("natural", 18), ("natural", None), ("natural", 21), ("voc4", 19)]
    images = [
        {"id": i, "file_name": f"{i}.png", "width": 8, "height": 8, "set": of, "known_class": known}
        for i, (of, known) in enumerate(photos)
    ]
    folder = tmp_path / MANY / "images"
    folder.mkdir(parents=True)
    (folder.parent / "teacher.json").write_text(json.dumps({"images": images}))
    for image in images:
        cv2.imwrite(str(folder / image["file_name"]), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setattr(pets, "NAMES", {18: "dog", 19: "horse"})
    assert verdicts(FakeEngine(), tmp_path) == {"right": 2, "wrong": 1}
