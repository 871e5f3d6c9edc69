"""What the faults came to, for the table that is printed at the end, whether a test passed or failed."""

from collections.abc import Callable

import pytest

Figure = Callable[[str], None]


@pytest.fixture
def figure(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Figure:
    """Keep one line of figures for the table."""
    return lambda text: record_property("figure", f"{request.node.name.removeprefix('test_')}: {text}")
