"""How a route describes itself: `@operation` keeps the description on the view, docs.py collects them."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def operation(summary: str, responses: dict[str, Any], **rest: Any) -> Callable[[View], View]:
    """Describe a view as an OpenAPI operation: its summary, its responses by status, and other members as they are."""

    def describe(view: View) -> View:
        view.operation = {"summary": summary, "responses": responses, **rest}  # type: ignore[attr-defined]  # a function takes attributes
        return view

    return describe
