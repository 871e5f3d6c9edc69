"""What fuzzing has found worth keeping is tried again, without a fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, fill_fresh_memory, with_checksums
from tests.images.pictures import encode, noise

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_replay(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())
    fill_fresh_memory(0)  # as it is for all other tests


def test_every_target_has_a_small_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
    assert sum(path.stat().st_size for path in INPUTS) < 20_000


def test_checksums_are_put_right() -> None:
    good = encode(noise(4, 4), "PNG")
    broken = bytearray(good)
    broken[29:33] = bytes(4)
    assert with_checksums(bytes(broken)) == good == with_checksums(good)
    assert with_checksums(good[:-3]) == good[:-3]
