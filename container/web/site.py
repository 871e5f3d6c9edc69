"""The WSGI application of several protocols; it maps a path to its protocol, its route and its body limits."""

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from flask import Flask, Request, g, request
from werkzeug.routing import Map, MapAdapter, Rule, RuleFactory

from container.service import Services
from container.web.body import BodyLimits
from container.web.protocol import Protocol

_SLASHES = re.compile(r"/{2,}")
_SPREAD = "/+"  # between the parts of a prefix


class Routes(Map):
    """A URL map that keeps the routes that begin with a variable, as /<a>/<b>, in a separate map: `catch_alls`.

    In one map, such a route would match the methods that a fixed route of the same path does not have.
    """

    def __init__(self, **options: Any) -> None:
        # No redirects: clients follow them without their body.
        super().__init__(merge_slashes=False, **options)
        self.catch_alls = Map(merge_slashes=False, **options)

    def add(self, rulefactory: RuleFactory) -> None:
        """Add one route to this map or to `catch_alls`."""
        if isinstance(rulefactory, Rule) and rulefactory.rule.startswith("/<"):
            self.catch_alls.add(rulefactory)
        else:
            super().add(rulefactory)

    def iter_rules(self, endpoint: Any | None = None) -> Iterator[Rule]:
        """Return all routes, catch-alls last."""
        return chain(super().iter_rules(endpoint), self.catch_alls.iter_rules(endpoint))


class Site(Flask):
    """A Flask application whose paths are owned by protocols.

    The owner of a path determines its error format, its body limits and the handling of doubled slashes. It is the
    protocol with the longest fixed prefix of the path, else one whose catch-all matches, else `common`.
    """

    url_map_class: type[Map] = Routes
    url_map: Routes

    def __init__(self, protocols: Sequence[Protocol], common: Protocol, body_limits: BodyLimits) -> None:
        """Raise ValueError if two protocols share a prefix, or one sets body limits for a path it does not own."""
        super().__init__("maskserve", static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = body_limits.max_bytes
        self.protocols = [*protocols, common]
        self.services: Services  # set by `mount`
        self._common = common
        self._body_limits = body_limits
        owners: dict[str, Protocol] = {}
        for protocol in self.protocols:
            for prefix in protocol.prefixes:
                if prefix in owners:
                    raise ValueError(f"protocols {owners[prefix].name} and {protocol.name} both have {prefix}")
                owners[prefix] = protocol
        longest_first = sorted(owners, key=len, reverse=True)
        self._fixed = [(prefix, owners[prefix]) for prefix in longest_first if "<" not in prefix]
        self._catch_alls = [(_pattern(prefix), owners[prefix]) for prefix in longest_first if "<" in prefix]
        self._limits = [
            (_pattern(path), protocol, limits)
            for protocol in self.protocols
            for path, limits in sorted(protocol.body_limits.items(), key=_most_specific)
        ]
        self.ensure_sync = functools.cache(self.ensure_sync)  # type: ignore[method-assign]  # Flask asks at each call
        self.health_routes = {route for protocol in self.protocols for route in protocol.health_routes}
        self.before_request(self._limit_body)
        for protocol in self.protocols:
            for path in protocol.body_limits:
                if self.owner(path) is not protocol:
                    raise ValueError(f"protocol {protocol.name} sets the limits of {path}, which is no path of its own")

    def mount(self, services: Services) -> None:
        """Register the routes of every protocol; ValueError for a route that is not below a prefix of its own."""
        self.services = services
        for protocol in self.protocols:
            for blueprint in protocol.blueprints(services):
                self.register_blueprint(blueprint)
                for rule in self.url_map.iter_rules():
                    if rule.endpoint.startswith(f"{blueprint.name}.") and self.owner(rule.rule) is not protocol:
                        raise ValueError(f"{rule.rule} is below no prefix of protocol {protocol.name}")

    def close(self) -> None:
        """Stop the background work of all protocols and of the services, once `services.draining` is set."""
        for protocol in self.protocols:
            protocol.close()
        self.services.close()

    def owner(self, path: str) -> Protocol:
        """Return the protocol that owns a path, such as "/models/a"."""
        return self._owner(path) or self._common

    def body_limits(self, path: str) -> BodyLimits:
        """Return the limits of bodies sent to `path`."""
        path = self._single_slashed(path) if "//" in path else path
        for pattern, protocol, limits in self._limits:
            if pattern.match(path) and self.owner(path) is protocol:  # a pattern matches paths of others, too
                return limits
        return self._body_limits

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Handle one request, merging doubled slashes as the owner of the path says."""
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = self._single_slashed(environ["PATH_INFO"])
        return super().wsgi_app(environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter of `catch_alls` for paths below no fixed prefix, else that of the other routes.

        Flask's own looks for subdomains too, for a tenth of the time of /ping.
        """
        if request is None:
            return None
        fixed = not self._catch_alls or self._fixed_owner(request.path) is not None
        routes = self.url_map if fixed else self.url_map.catch_alls
        query = request.environ.get("QUERY_STRING", "")
        return routes.bind(request.host, None, "", request.scheme, request.method, request.path, query)

    def _owner(self, path: str) -> Protocol | None:
        fixed = self._fixed_owner(path)
        if fixed is not None:
            return fixed
        return next((protocol for pattern, protocol in self._catch_alls if pattern.match(path)), None)

    def _fixed_owner(self, path: str) -> Protocol | None:
        for prefix, protocol in self._fixed:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return protocol
        return None

    def _single_slashed(self, path: str) -> str:
        single = _SLASHES.sub("/", path)
        owner = self._owner(single)
        if owner is not None and owner.doubled_slashes == "one":
            return single
        for prefix, fixed_owner in self._fixed:
            if fixed_owner is owner:  # clients join a base address with a slash at its end: /prefix//route
                path = re.sub(rf"\A{_SPREAD.join(map(re.escape, prefix.split('/')))}/+", f"{prefix}/", path)
        return path

    def _limit_body(self) -> None:
        g.body_limits = self.body_limits(request.path)
        if g.body_limits is not self._body_limits:
            request.max_content_length = g.body_limits.max_bytes


def _most_specific(item: tuple[str, BodyLimits]) -> tuple[bool, int]:
    """Sort paths: the longest first, catch-alls last."""
    return item[0].startswith("/<"), -len(item[0])


def _pattern(prefix: str) -> re.Pattern[str]:
    """Return a prefix with variables as a regular expression: "/<a>/<b>" matches /x/y and the paths below it."""
    parts = re.split(r"<[^>]+>", prefix)
    return re.compile("[^/]+".join(map(re.escape, parts)) + r"(?=/|\Z)")
