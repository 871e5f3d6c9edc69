"""How much memory is free, by the machine and by both kinds of control groups; errors that tell of its want."""

from pathlib import Path

import pytest

from container import memory

V1, V2 = "memory", "."
FILES = {
    V1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    V2: ("memory.max", "memory.current", "inactive_file"),
}


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param("5000000", 5_000_000 - 3_000_000 + 500_000, id="limited"),
        pytest.param("1000000", 1_000_000 - 3_000_000 + 500_000, id="lowered-below-what-is-held"),
        pytest.param("9223372036854771712", 8_000_000 * 1024, id="as-good-as-unlimited"),
        pytest.param("max", 8_000_000 * 1024, id="unlimited"),
        pytest.param(None, 8_000_000 * 1024, id="no-group"),
    ],
)
def test_available(version: str, limit: str | None, expected: int, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\nHugePages_Total:       0\n")
    names = FILES[version]
    folder = tmp_path / version
    folder.mkdir(exist_ok=True)
    if limit is not None:
        (folder / names[0]).write_text(limit + "\n")
        (folder / names[1]).write_text("3000000\n")
        (folder / "memory.stat").write_text(f"anon 2500000\n{names[2]} 500000\n")
    assert memory.available(tmp_path, tmp_path / "meminfo") == expected


@pytest.mark.parametrize(
    ("used", "given_back", "expected"),  # seconds ago
    [
        pytest.param(5, 30, 1, id="idle"),
        pytest.param(0, 30, 0, id="at-work"),
        pytest.param(0, 61, 1, id="at-work-for-long"),
        pytest.param(90, 70, 0, id="nothing-since"),
    ],
)
def test_memory_goes_back_when_the_server_is_idle_and_now_and_then_under_load(
    used: float, given_back: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(memory, "give_back", lambda: calls.append(None))
    freed, now = memory.Freed(), 1000.0
    freed.used(now - given_back - 100)
    freed.give_back(now - given_back)
    calls.clear()
    freed.used(now - used)
    freed.give_back(now)
    freed.give_back(now)  # and not again, until there was something to do
    assert len(calls) == expected


def test_this_machine() -> None:
    assert memory.available() > 100_000_000


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        pytest.param(MemoryError(), True, id="python"),
        pytest.param(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True, id="cuda"),
        pytest.param(RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory"), True, id="torch"),
        pytest.param(Exception("error: (-4:Insufficient memory) Failed to allocate 36 bytes"), True, id="opencv"),
        pytest.param(RuntimeError("shapes do not fit"), False, id="anything-else"),
    ],
)
def test_errors_that_tell_of_a_want_of_memory(error: Exception, lacking: bool) -> None:
    assert memory.lacking(error) is lacking
