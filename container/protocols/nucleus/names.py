"""Names at the end of a path, which clients put there with whatever is in them.

A reference_id is often a file's path, and only a few of the client's methods quote it. So a name may hold slashes, a
"?" that the HTTP client takes for the start of a query, and "%2F" that stands for itself.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import unquote

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from container.errors import NotFound, shown
from container.store.checks import MAX_NAME, can_be_kept

PREFIX = "/v1/nucleus"
UPLOADS, MASKS = f"{PREFIX}/upload", f"{PREFIX}/mask"
UPLOAD_RULE, MASK_RULE = f"{UPLOADS}/<dataset_id>/<request_id>", f"{MASKS}/<sha256>"
# Of characters that the client's HTTP library (requests) leaves as they are.
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"
_ESCAPES = re.compile(f"%({'|'.join(f'{ord(one):02X}' for one in _UNQUOTED)})", re.IGNORECASE)

Found = TypeVar("Found")


class Tail(BaseConverter):
    """The rest of a path: slashes, also as its first or last character, and line breaks."""

    part_isolating = False
    regex = r"[\s\S]+"
    weight = 300  # behind every other variable


class Routes(Blueprint):
    """A blueprint whose routes may end with <tail:name>; a slash at the end of the others makes no difference."""

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(name, import_name)

        def register(state: BlueprintSetupState) -> None:
            state.app.url_map.converters["tail"] = Tail

        self.record(register)
        self.before_request(_check_path)

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        """Add a route."""
        super().add_url_rule(rule, *args, **{"strict_slashes": False, **options})


def look_up(tail: str, find: Callable[[str], Found]) -> Found:
    """Return what `find` returns for the name that ends this request's path, in the first spelling that is known.

    Raises the NotFound of the usual spelling, which is `tail`, if none is.
    """
    first, last = ([one for one in some if can_be_kept(one)] for some in _spellings(tail))
    for spelling in first:
        with suppress(NotFound):
            return find(spelling)
    try:
        return find(tail)
    except NotFound:
        for spelling in last:
            with suppress(NotFound):
                return find(spelling)
        raise


def _check_path() -> None:
    for value in (request.view_args or {}).values():
        if not can_be_kept(value):
            raise NotFound(f"{shown(value)} doesn't exist.")


def splits(tail: str) -> Iterator[tuple[str, str]]:
    """Yield each (reference_id, annotation_id) that "reference_id/annotation_id" may be, the longest first name first.

    Names that are too long to be known are left out, so that there are at most MAX_NAME.
    """
    end = len(tail)
    while (end := tail.rfind("/", 0, end)) > 0:
        if len(tail) - end - 1 > MAX_NAME:
            return
        if end <= MAX_NAME and end + 1 < len(tail):
            yield tail[:end], tail[end + 1 :]


def _spellings(tail: str) -> tuple[list[str], list[str]]:
    """Return other spellings of a name: those to try before it, with the query as a part of it, and those to try last.

    An object of the longer name is what was meant where there is a query. What was not unquoted is meant only where
    nothing else is known, since some methods of the client quote.
    """
    query = request.query_string.decode("utf-8", "replace")
    raw = _raw_tail()
    first = [f"{tail}?{unquote(query)}"] if query else []
    last = [f"{raw}?{_as_given(query)}" if query else "", raw]
    return first, [spelling for spelling in last if spelling and spelling not in (tail, *first)]


def _raw_tail() -> str:
    """Return the end of this request's path that its route's tail matched, as the client was given it.

    The client's HTTP library quotes what may not stand in an address, and no escape that is there.
    """
    path = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "").partition("?")[0]
    rule = request.url_rule.rule if request.url_rule else ""
    below = path.partition(PREFIX)[2].lstrip("/")
    return _as_given(below.split("/", rule.removeprefix(PREFIX).count("/") - 1)[-1])


def _as_given(quoted: str) -> str:
    """Return a text without the escapes that the client's HTTP library has made; those of _UNQUOTED were in it."""
    return unquote(_ESCAPES.sub(r"%25\1", quoted))
