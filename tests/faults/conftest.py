"""What the faults came to is printed at the end, whether a test passed or failed."""

from collections.abc import Callable

import pytest

_figures: list[str] = []
Figure = Callable[[str], None]


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Keep one line of figures for the table."""
    return lambda text: _figures.append(f"{request.node.name.removeprefix('test_')}: {text}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(_figures))
