"""Content negotiation: parses X-Amzn-SageMaker-Custom-Attributes (JSON) and selects the response format.

Accept takes precedence, then the attributes, then the configured default, then the first format. Independent of HTTP.
Source: RFC 9110, 12.5.1 for ranges and q-values. A wildcard is not a preference: curl, Postman and requests send */* by
default, and it must not override the attributes.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn

from werkzeug.http import parse_accept_header

from container.errors import BadRequest, NotAcceptable
from container.fields import Declared, Name, Word
from container.formats import formats, ranked
from container.images.base import sources
from container.images.decode import NAMES
from container.protocols.sagemaker.documents import FORM, JSON
from container.protocols.sagemaker.messages import InvocationRequest
from container.structures import Appearance, Choice, Options
from container.structures.options import declared

REFERENCE = "reference_id"
MAX_TRACE = 256  # characters of an opaque attribute string that are echoed
# Types that say nothing of what a body is, nor, in Accept, of what is wanted; the last two are those of SageMaker's SDK
# and of S3 where nobody named one.
UNTYPED = ("", "application/x-image", "application/octet-stream", "file-path/raw-bytes", "binary/octet-stream")
_OPTIONS, _APPEARANCE = declared(Options), declared(Appearance)


@dataclass(frozen=True)
class Attributes:
    """Validated custom attributes; an attribute string that is not JSON is opaque and only echoed."""

    values: Mapping[str, Any]  # known keys only
    ignored: tuple[str, ...] = ()  # unknown keys, as sent
    trace: str = ""  # the opaque string

    def options(self) -> Options:
        """Return the attributes that affect prediction."""
        return Options(**{k: v for k, v in self.values.items() if k in _OPTIONS})

    def appearance(self) -> Appearance:
        """Return the attributes that affect rendering."""
        return Appearance(**{k: v for k, v in self.values.items() if k in _APPEARANCE})


class _Range(NamedTuple):
    pattern: str  # "image/*", "*/*" or a media type
    quality: float

    def precision(self, media_type: str, aliases: Mapping[str, str]) -> int:
        """Return 2 for the same type or an alias of it, 1 for type/*, 0 for */*, -1 for no match."""
        if aliases.get(self.pattern, self.pattern) == media_type:
            return 2
        if self.pattern == media_type.split("/")[0] + "/*":
            return 1
        return 0 if self.pattern == "*/*" else -1


class Negotiation:
    """What clients may choose from: the media types of responses, the custom attributes, and the sources of bodies.

    It is made from the registries of formats and sources, once a server. Of the formats with one media type, the first
    is offered by Accept and `response_type`, and the others are its variants, chosen by `format`.
    """

    def __init__(self) -> None:
        self.offers: dict[str, str] = {}  # media type → format, in the order of preference if nothing else decides
        self.sources = {media_type: source for source in sources.values() for media_type in source.media_types}
        self._aliases: dict[str, str] = {}  # media type of an alias → media type
        self._response_types: dict[str, str] = {}  # word → media type
        variants = []
        for form in ranked():
            if form.media_type in self.offers:
                variants.append(form)
                continue
            self.offers[form.media_type] = form.name
            self._response_types |= dict.fromkeys((form.name, *form.aliases), form.media_type)
            kind = form.media_type.split("/")[0]
            self._aliases |= {f"{kind}/{alias}": form.media_type for alias in form.aliases}
        self.attributes: dict[str, Declared] = {
            "response_type": _own(self._response_types, "Response type where Accept names none"),
            "format": _own([form.name for form in variants], "; ".join(form.doc or form.name for form in variants)),
            "on_error": _own(
                ["placeholder"],
                "`placeholder`: a picture that cannot be read is answered by 200 and its error as JSON",
            ),
            REFERENCE: Declared(
                Name(200), "the request's id", "Where answers are recorded: of the picture, which truth can be sent for"
            ),
            **_OPTIONS,
            **_APPEARANCE,
        }

    @property
    def read(self) -> str:
        """The media types of bodies, in words."""
        return ", ".join([f"image/* ({NAMES})", "application/octet-stream", FORM, *self.sources, JSON])

    def gather(self, invocation: InvocationRequest, defaults: Mapping[str, Any] | None) -> Attributes:
        """Return the options of an invocation: the header's over the query's, the body's and the operator's `defaults`.

        Raises BadRequest for broken JSON or a wrong value.
        """
        known = self.attributes
        try:
            values = {key: known[key].check(key, value) for key, value in invocation.parameters.items() if key in known}
            for texts in (invocation.fields, invocation.query):
                values |= {key: known[key].parse(key, text) for key, text in texts.items() if key in known}
        except ValueError as error:
            raise BadRequest(f"option {error}") from None
        parsed = self.parse(invocation.attributes, {**(defaults or {}), **values})
        beside = (*invocation.query, *invocation.fields, *invocation.parameters)
        unknown = [key for key in beside if key not in known]
        return replace(parsed, ignored=(*parsed.ignored, *unknown, *invocation.ignored))

    def named(self, invocation: InvocationRequest) -> list[str]:
        """Return the names of all options of an invocation, wherever they are and whether they are known; BadRequest.

        Those of the operator's defaults are not among them.
        """
        header, _ = self.read_header(invocation.attributes)
        return [*dict.fromkeys((*header, *invocation.query, *invocation.fields, *invocation.parameters))]

    def told(
        self, invocation: InvocationRequest, attributes: Attributes, without_effect: Collection[str]
    ) -> Attributes:
        """Return the attributes of an invocation, where what has no effect is `ignored`, too."""
        more = tuple(name for name in self.named(invocation) if name in without_effect)
        return replace(attributes, ignored=(*attributes.ignored, *more))

    def parse(self, header: str, defaults: Mapping[str, Any] | None = None) -> Attributes:
        """Parse the header's value on top of the operator's `defaults`; BadRequest for broken JSON or a wrong value."""
        given, trace = self.read_header(header)
        known = self.attributes
        try:
            values = {key: known[key].check(key, value) for key, value in given.items() if key in known}
        except ValueError as error:
            raise BadRequest(f"custom attribute {error}") from None
        return Attributes({**(defaults or {}), **values}, tuple(key for key in given if key not in known), trace)

    def read_header(self, header: str) -> tuple[Mapping[str, Any], str]:
        """Return the attributes in the header's value, unchecked, or a string that is opaque; BadRequest."""
        text = _utf8(header).strip()
        if not text.startswith("{"):
            return {}, text[:MAX_TRACE]
        try:
            return json.loads(text, parse_constant=_no_constant), ""
        except (ValueError, RecursionError):
            raise BadRequest(
                "X-Amzn-SageMaker-Custom-Attributes looks like JSON and is not",
                hint='such as {"response_type": "png", "confidence": 0.6}; known keys: ' + ", ".join(self.attributes),
            ) from None

    def choose(self, accept: str, attributes: Attributes, default: str) -> Choice:
        """Return the chosen format with its options; NotAcceptable if Accept allows none of `offers`.

        In place of a picture that cannot hold what is to be rendered comes one that can, if Accept allows it.

        Args:
            accept: the header's value, "" if it is missing.
            default: the media type set by the operator, one of `offers`.
        """
        wanted = self.media_type(attributes.values.get("response_type", ""))
        appearance = attributes.appearance()
        media_type = self.pick(accept, (wanted, default))
        deep = appearance.render == "ids"  # not every picture holds them
        if deep and media_type != wanted and not formats[self.offers[media_type]].holds(appearance):
            others = [
                m for m, name in self.offers.items() if formats[name].holds(appearance) and m.startswith("image/")
            ]
            with suppress(NotAcceptable):
                media_type = self.pick(accept, (), others)
        name, variant = self.offers[media_type], attributes.values.get("format")
        if variant and formats[variant].media_type == media_type:
            name = variant
        if deep:
            formats[name].check(appearance)
        return Choice(name, attributes.options(), appearance)

    def of(self, media_type: str) -> str:
        """Return the media type of a format that is meant by one of its aliases, or the type as it is."""
        return self._aliases.get(media_type, media_type)

    def media_type(self, response_type: str) -> str:
        """Return the media type that an attribute `response_type` means; "" for none."""
        return self._response_types.get(response_type, "")

    def pick(self, accept: str, preferred: Sequence[str], offers: Collection[str] = ()) -> str:
        """Return the media type that an Accept header asks for, the first of `preferred` where it leaves a choice.

        `offers` are all of the server unless some are given; NotAcceptable if it allows none of them.
        """
        offers, ranges = offers or self.offers, self._ranges(accept) or [_Range("*/*", 1)]
        graded = {}  # media type → the most precise range that matches it
        for media_type in offers:
            matching = [r for r in ranges if r.precision(media_type, self._aliases) >= 0]
            if matching:
                best = max(matching, key=lambda r: r.precision(media_type, self._aliases))
                if best.quality > 0:
                    graded[media_type] = best
        if not graded:
            raise NotAcceptable(
                f"Accept is {','.join(r.pattern for r in ranges)[:200]!r}; there is " + ", ".join(offers),
            )
        top = max(best.quality for best in graded.values())
        favourites = [media_type for media_type, best in graded.items() if best.quality == top]
        named = [m for m in favourites if graded[m].precision(m, self._aliases) == 2]
        if named:
            return min(named, key=lambda m: ranges.index(graded[m]))
        return next((m for m in preferred if m in favourites), favourites[0])

    def _ranges(self, accept: str) -> list[_Range]:
        """Return the well-formed ranges of an Accept header in order; malformed ones are ignored."""
        ranges = []
        for part in accept.split(","):  # one at a time, since werkzeug sorts them and the original order breaks ties
            for value, quality in parse_accept_header(part):
                pattern = value.split(";")[0].strip().lower()
                ranges.append(_Range("*/*" if pattern in ("*", *UNTYPED[1:]) else pattern, quality))
        return [r for r in ranges if "/" in r.pattern]


def _own(words: Iterable[str], doc: str) -> Declared:
    """Return an attribute that takes one of some words, or none."""
    return Declared(Word(("", *words)), '`""`', doc)


def _utf8(header: str) -> str:
    """Decode a header value: WSGI passes header bytes as Latin-1, clients send UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
