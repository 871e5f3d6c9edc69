"""The learning rate, and how far a run is."""

import pytest

from container.training.schedule import WARM_UP_STEPS, Progress, rate


@pytest.mark.parametrize(
    ("step", "share", "expected"),
    [
        (0, 0.0, 1 / WARM_UP_STEPS),
        (WARM_UP_STEPS // 2 - 1, 0.0, 0.5),
        (WARM_UP_STEPS - 1, 0.0, 1.0),
        (10_000, 0.0, 1.0),
        (10_000, 0.5, 0.505),
        (10_000, 1.0, 0.01),
        (WARM_UP_STEPS // 2 - 1, 0.5, 0.2525),
    ],
)
def test_the_rate_rises_and_falls(step: int, share: float, expected: float) -> None:
    assert rate(step, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("steps", "max_minutes", "step", "seconds", "share"),
    [
        (100, 0, 0, 0, 0.0),
        (100, 0, 25, 1e6, 0.25),
        (100, 0, 100, 0, 1.0),
        (100, 0, 130, 0, 1.0),  # fewer steps than the checkpoint has
        (100, 10, 25, 60, 0.25),
        (100, 10, 25, 300, 0.5),  # time is scarcer
        (100, 10, 0, 6000, 1.0),
    ],
)
def test_a_run_is_as_far_as_its_steps_or_its_time(
    steps: int, max_minutes: float, step: int, seconds: float, share: float
) -> None:
    assert Progress(steps, max_minutes, step, seconds).share == pytest.approx(share, abs=1e-3)


def test_seconds_go_on_from_those_of_earlier_parts() -> None:
    progress = Progress(10, 0, seconds_before=40)
    first = progress.seconds
    assert 40 <= first < 41 and progress.seconds > first
