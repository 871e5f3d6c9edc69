"""Which errors tell that there was no memory."""

import pytest

from container import memory


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
