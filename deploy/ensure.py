"""Make a thing, change it, or leave it as it is, and say which. It does not know what the thing is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.aws import Aws
from deploy.errors import DeployError


@dataclass(frozen=True)
class Resource:
    """A thing in AWS as it should be."""

    kind: str  # "model"
    name: str
    find: Callable[[], Mapping[str, Any] | None]  # as it is now: what the describe call answers, or None
    create: Callable[[], object]
    wanted: Mapping[str, Any] = field(default_factory=dict)  # what `find` should answer; its other keys do not matter
    update: Callable[[], object] | None = None  # None where it cannot be changed


def ensure(aws: Aws, thing: Resource) -> Mapping[str, Any] | None:
    """Bring it about with at most one change; what was there before, or None where it was made now."""
    now = thing.find()
    if now is None:
        thing.create()
        aws.made(thing.kind, thing.name)
        return None
    changes = differences(thing.wanted, now)
    if not changes:
        aws.say(f"unchanged: {thing.kind} {thing.name}")
    elif thing.update is None:
        raise DeployError(f"{thing.kind} {thing.name} exists and cannot be changed: {'; '.join(changes)}")
    else:
        thing.update()
        aws.say(f"{'would update' if aws.dry_run else 'updated'} {thing.kind} {thing.name}: {'; '.join(changes)}")
    return now


def differences(wanted: Any, now: Any, where: str = "") -> list[str]:
    """What is not as wanted, one text a value: "MaxCapacity: 2 → 4". Keys that `wanted` lacks do not count."""
    if isinstance(wanted, Mapping) and isinstance(now, Mapping):
        parts = [differences(v, now.get(k), f"{where}.{k}".lstrip(".")) for k, v in wanted.items()]
        return [text for part in parts for text in part]
    if _is_list(wanted) and _is_list(now) and len(wanted) == len(now):
        parts = [differences(w, n, f"{where}[{i}]") for i, (w, n) in enumerate(zip(wanted, now, strict=True))]
        return [text for part in parts for text in part]
    return [] if wanted == now else [f"{where}: {now} → {wanted}"]


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
