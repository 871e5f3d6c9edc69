"""SageMaker's failure file."""

from pathlib import Path

import pytest

from container import failure


@pytest.mark.parametrize("there", ["input", "model", "output"])
def test_the_reason_is_left_where_sagemaker_looks_and_is_short(there: str, tmp_path: Path) -> None:
    (tmp_path / there).mkdir()
    failure.write(tmp_path, "x" * 5000)
    assert (tmp_path / "output/failure").read_text() == "x" * 1024


def test_nothing_is_written_where_sagemaker_is_not(tmp_path: Path) -> None:
    failure.write(tmp_path, "no SageMaker here")
    failure.write(tmp_path / "none", "no SageMaker here")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "output").write_text("a file where the folder should be")
    failure.write(tmp_path, "no place")
