"""What the reading of a folder decided, noted and lost: told before a run starts, or the reason why it ends.

Notes are of what teaches nothing as it is meant to, such as crowds, and of what was mended; a loss ought to have taught
something and cannot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from container.errors import DataError

ALLOWED = 0.05  # share of annotations, and of photos, that may be broken; one may be in any folder
SHOWN = 3  # of many
MAX_DECISIONS = 30  # that are told, for a folder of thousands of other files


class Broken(Exception):
    """What is wrong with a file, a photo or an annotation, in words that follow its name."""


@dataclass
class Account:
    """The account of one folder."""

    folder: str  # for errors
    strict: bool = False  # the first loss ends the run
    decisions: list[str] = field(default_factory=list)
    notes: dict[str, tuple[int, str]] = field(default_factory=dict)  # what → how often, and where first
    losses: dict[str, list[str]] = field(default_factory=dict)  # "annotations" or "photos" → where and why

    def decide(self, text: str) -> None:
        """Keep a choice that the owner of the folder may want to make otherwise."""
        self.decisions.append(text)

    def note(self, what: str, where: str) -> None:
        """Count something that is passed over or mended."""
        count, first = self.notes.get(what, (0, where))
        self.notes[what] = count + 1, first

    def lose(self, kind: str, text: str) -> None:
        """Keep something broken of a `kind`, "annotations" or "photos"; DataError with the text if `strict`."""
        if self.strict:
            raise DataError(text)
        self.losses.setdefault(kind, []).append(text)

    def judge(self, kind: str, total: int) -> None:
        """Raise a DataError that names the first losses, where of `total` too many are broken, or all."""
        lost = self.losses.get(kind, [])
        if lost and (len(lost) > max(1, ALLOWED * total) or len(lost) == total):
            raise DataError(
                f"{self.folder}: {len(lost)} of {total} {kind} cannot be used, more than {ALLOWED:.0%}: {some(lost)}"
            )

    def lines(self) -> list[str]:
        """All of it, a line each; numbers stand below one another."""
        more = len(self.decisions) - MAX_DECISIONS
        return [
            *self.decisions[:MAX_DECISIONS],
            *([f"and {more} more"] if more > 0 else []),
            *(f"{count:>8,}  {what} (first: {where})" for what, (count, where) in self.notes.items()),
            *(f"{len(lost):>8,}  {kind} that cannot be used: {some(lost)}" for kind, lost in self.losses.items()),
        ]

    @property
    def reasons(self) -> str:
        """Notes and losses in one line, for an error that follows from them; empty where there are none."""
        return "; ".join(
            [f"{count} {what} (first: {where})" for what, (count, where) in self.notes.items()]
            + [f"{len(lost)} broken {kind}: {some(lost)}" for kind, lost in self.losses.items()]
        )


def some(texts: Sequence[str]) -> str:
    """The first few of many texts in one line."""
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return "; ".join([*texts[:SHOWN], *more])
