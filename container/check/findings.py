"""What a check found, and the groups that checks are kept in."""

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Outcome(StrEnum):
    """How a check ended; only FAILED breaks the contract."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_OFFERED = "not offered"  # SageMaker does not ask for it
    SKIPPED = "skipped"  # could not be looked at


@dataclass(frozen=True)
class Finding:
    """One row of the report."""

    check: str
    outcome: Outcome
    figure: str = ""
    problem: str = ""  # what is wrong, or why it was not looked at
    advice: str = ""  # what to do about it


class Wrong(Exception):
    """The contract is broken; says how."""


class NotOffered(Exception):
    """The server does without something that it need not have; says what was seen."""


class Skipped(Exception):
    """The check cannot be made; says why."""


@dataclass(frozen=True)
class Check(Generic[T]):
    """A question and what to do where the answer is bad; `ask` returns the figure, or raises one of the above."""

    name: str
    advice: str
    ask: Callable[[T], str]

    def find(self, subject: T) -> Finding:
        """Ask; a connection that is lost is a bad answer too."""
        try:
            return Finding(self.name, Outcome.PASSED, figure=self.ask(subject))
        except Wrong as error:
            return Finding(self.name, Outcome.FAILED, problem=str(error), advice=self.advice)
        except NotOffered as error:
            return Finding(self.name, Outcome.NOT_OFFERED, problem=str(error))
        except Skipped as error:
            return Finding(self.name, Outcome.SKIPPED, problem=str(error))
        except TimeoutError:
            return Finding(self.name, Outcome.FAILED, problem="no answer in time", advice=self.advice)
        except (OSError, http.client.HTTPException) as error:
            return Finding(
                self.name, Outcome.FAILED, problem=f"the connection broke: {type(error).__name__}", advice=self.advice
            )


class Checks(Generic[T]):
    """A group of checks of one kind of subject, in the order in which they are made."""

    def __init__(self) -> None:
        self._checks: list[Check[T]] = []

    def add(self, name: str, advice: str, ask: Callable[[T], str]) -> None:
        """Put a check at the end."""
        self._checks.append(Check(name, advice, ask))

    def __call__(self, name: str, advice: str) -> Callable[[Callable[[T], str]], Callable[[T], str]]:
        """`add` as a decorator."""

        def register(ask: Callable[[T], str]) -> Callable[[T], str]:
            self.add(name, advice, ask)
            return ask

        return register

    def find(self, subject: T) -> Iterator[Finding]:
        """Make them, one after the other."""
        for check in self._checks:
            yield check.find(subject)


_CHECK, _OUTCOME = 60, 11  # columns

HEADING = f"{'CHECK':<{_CHECK}}  {'RESULT':<{_OUTCOME}}  FIGURE, OR WHAT IS WRONG"


def as_row(finding: Finding) -> str:
    """One finding; what to do about it stands in a line of its own."""
    told = finding.figure or finding.problem
    line = f"{finding.check:<{_CHECK}}  {finding.outcome:<{_OUTCOME}}  {told}".rstrip()
    return f"{line}\n{'':<{_CHECK}}  {'':<{_OUTCOME}}  → {finding.advice}" if finding.advice else line


def summary(findings: Iterable[Finding]) -> str:
    """How many there are of each outcome."""
    counted = Counter(finding.outcome for finding in findings)
    return ", ".join(f"{counted[outcome]} {outcome.lower()}" for outcome in Outcome if counted[outcome])


def as_json(findings: Iterable[Finding]) -> str:
    """{"passed": whether nothing failed, "checks": [...]}."""
    rows = [{**asdict(finding), "outcome": finding.outcome.lower()} for finding in findings]
    return json.dumps(
        {"passed": all(row["outcome"] != "failed" for row in rows), "checks": rows}, indent=1, ensure_ascii=False
    )
