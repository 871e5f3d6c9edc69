"""What is told of a folder, and when too much of it is broken."""

import pytest

from container.datasets.account import Account
from container.errors import DataError


@pytest.mark.parametrize(
    ("lost", "total", "ends"),
    [(0, 0, False), (0, 9, False), (1, 1, True), (1, 2, False), (1, 8, False), (2, 2, True), (2, 8, True)]
    + [(2, 39, True), (2, 40, False), (5, 100, False), (6, 100, True)],
)
def test_more_than_five_percent_end_it(lost: int, total: int, ends: bool) -> None:
    account = Account("set")
    for i in range(lost):
        account.lose("annotations", f"annotation {i} is odd")
    if not ends:
        account.judge("annotations", total)
        account.judge("photos", total)
        return
    with pytest.raises(DataError, match=f"^set: {lost} of {total} annotations cannot be used.*: annotation 0 is odd"):
        account.judge("annotations", total)


def test_the_first_loss_ends_a_strict_run() -> None:
    with pytest.raises(DataError, match="^annotation 7 is odd$"):
        Account("set", strict=True).lose("annotations", "annotation 7 is odd")


def test_what_is_told() -> None:
    account = Account("set")
    assert account.lines() == [] and account.reasons == ""
    account.decide("passed over: b.json")
    for i in (3, 4):
        account.note("crowds", f"annotation {i}")
    for i in range(5):
        account.lose("photos", f"{i}.png is not there")
    few = "0.png is not there; 1.png is not there; 2.png is not there; and 2 more"
    assert account.lines() == [
        "passed over: b.json",
        "       2  crowds (first: annotation 3)",
        f"       5  photos that cannot be used: {few}",
    ]
    assert account.reasons == f"2 crowds (first: annotation 3); 5 broken photos: {few}"


def test_of_thousands_of_decisions_some_are_told() -> None:
    account = Account("set", decisions=[f"passed over: {i}.json" for i in range(1000)])
    assert account.lines()[-2:] == ["passed over: 29.json", "and 970 more"]
