"""What was loaded is known to the next process."""

from pathlib import Path

import pytest

from container.models.policies.explicit import Record

MODELS = {"a": "/opt/ml/models/a/model", "é": "/opt/ml/models/é.tar.gz"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "loaded.json"
    assert Record(file).read() == {}
    for models in (MODELS, {}):
        Record(file).write(models)
        assert Record(file).read() == models
    assert list(tmp_path.iterdir()) == [file]


def test_without_a_file_nothing_is_kept() -> None:
    record = Record()
    record.write(MODELS)
    assert record.read() == {}


def test_a_full_disk_is_logged_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Record(tmp_path / "gone" / "loaded.json").write(MODELS)
    assert "cannot be written down" in caplog.text
