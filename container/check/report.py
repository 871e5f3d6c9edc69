"""Findings as a table for people, or as JSON for programs."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from container.check.findings import Finding, Outcome

_CHECK, _OUTCOME = 60, 11  # columns

HEADING = f"{'CHECK':<{_CHECK}}  {'RESULT':<{_OUTCOME}}  FIGURE, OR WHAT IS WRONG"


def row(finding: Finding) -> str:
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
