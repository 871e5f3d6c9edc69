"""The outcome of an evaluation, for programs and for people."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from container.evaluation.faults import Faults

SHOWN = 20  # labels of a long list


@dataclass(frozen=True)
class Subject:
    """Which model was measured, on what, and over which classes."""

    model: str
    data: str
    photos: int
    objects: Mapping[str, int]  # label → objects; what both the data and the model have is what is measured
    unknown: tuple[str, ...]  # labels with objects in the data that the model does not know
    absent: tuple[str, ...]  # labels of the model without objects in the data

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that are measured; their order numbers the classes."""
        return tuple(self.objects)


@dataclass(frozen=True)
class Report(ABC):
    """Figures over a folder of photos, and over each class; None where there is nothing to measure."""

    subject: Subject
    seconds_per_photo: float | None  # median; the model alone, one photo at a time; None where it has not run
    faults: tuple[Faults, ...] = field(repr=False)  # one a photo

    @property
    def best_confidence(self) -> float | None:
        """The confidence to serve the model with; None leaves it to the model."""
        return None

    @abstractmethod
    def figures(self) -> dict[str, float | None]:
        """The figures of this task by name."""

    @abstractmethod
    def columns(self) -> dict[str, Sequence[float | None]]:
        """Figures by name, each for every label."""

    def summary(self) -> dict[str, float | None]:
        """All figures that are not of one class, by name."""
        speed = {} if self.seconds_per_photo is None else {"seconds_per_photo": self.seconds_per_photo}
        return {**self.figures(), **speed}

    def as_dict(self) -> dict[str, Any]:
        """Everything but the faults, in types that JSON has."""
        subject = self.subject
        columns = self.columns()
        return {
            "model": subject.model,
            "data": subject.data,
            "photos": subject.photos,
            **self.summary(),
            "classes": {
                label: {"objects": count, **{name: values[i] for name, values in columns.items()}}
                for i, (label, count) in enumerate(subject.objects.items())
            },
            "unknown_to_the_model": list(subject.unknown),
            "absent_from_the_data": list(subject.absent),
        }

    def table(self) -> str:
        """Lines of plain text in columns: the summary, then a row a class."""
        subject = self.subject
        summary = [(name, _shown(value)) for name, value in self.summary().items()]
        columns = self.columns()
        rows = [("class", "objects", *columns)] + [
            (label, str(count), *(_shown(values[i]) for values in columns.values()))
            for i, (label, count) in enumerate(subject.objects.items())
        ]
        head = [f"{subject.model} on {subject.photos} photos of {subject.data}"]
        tail = [
            f"{what}: {listed(labels)}"
            for what, labels in (
                ("unknown to the model", subject.unknown),
                ("absent from the data", subject.absent),
            )
            if labels
        ]
        return "\n\n".join("\n".join(part) for part in (head, _aligned(summary), _aligned(rows), tail) if part)


def listed(labels: Sequence[str]) -> str:
    """Names in one line, a long list cut short."""
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(labels[:SHOWN]) + more


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
