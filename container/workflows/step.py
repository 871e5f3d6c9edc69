"""What a block may ask for while it runs: whether it is still wanted, models, and room for pictures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from container.workflows.models import Models


@dataclass(eq=False)
class Step:
    """One step of one request."""

    name: str
    models: "Models"
    check: Callable[[], None]  # raises DeadlineExceeded or ClientGone if the answer is not wanted any more
    room: Callable[[int], None]  # raises PayloadTooLarge if so many more pixels are too many; ask before drawing
    shared: dict[Any, Any] = field(default_factory=dict)  # of all steps of the request, for what is costly
