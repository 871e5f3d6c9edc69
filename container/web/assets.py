"""Static files of a folder: styles, scripts and pages, which browsers keep and ask for again by ETag.

assets = Assets(Path(__file__).parent.parent / "page")
assets.response("style.css", request)  # 200 or 304; NotFound for a name that is not there
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable

from flask import Request, Response
from werkzeug.exceptions import NotFound

# By the end of the name; the system's own table may call scripts text/plain, and browsers then do not run them.
_TEXTS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_PICTURES = (".ico", ".jpg", ".png")  # compressed already
_LEVEL = 6  # of gzip: 1.7 MB of Swagger UI become 448 KB in 60 ms; level 9 takes 90 for 1 KB less


class Assets:
    """The files of a folder and the folders below it, of the kinds that pages consist of.

    A file is read and compressed when it is first asked for; both forms stay in memory. Responses have an ETag and
    `Cache-Control: no-cache`, so that browsers keep files and ask whether they are still the same.
    """

    def __init__(self, folder: Traversable, names: Iterable[str] | None = None) -> None:
        """`folder`: a Path, or a folder of a package; `names`: those that are served, such as "js/app.js"; all if None.

        ValueError for a name that is not there, or of an unknown kind.
        """
        there = dict(_files(folder))
        if unknown := sorted(set(names or ()) - set(there)):
            raise ValueError(f"{folder} has no {', '.join(unknown)}, or of a kind that is not served")
        self._files = there if names is None else {name: there[name] for name in names}
        self._read = cache(lambda name: _read(self._files[name]))

    def response(self, name: str, request: Request) -> Response:
        """Return the response to a request for the file `name`: 200, or 304 where the client has it.

        The body is gzip where the client accepts that and it is smaller. NotFound if there is no such file.
        """
        if name not in self._files:
            raise NotFound
        asset = self._read(name)
        packed = bool(asset.packed) and request.accept_encodings["gzip"] > 0
        response = Response(asset.packed if packed else asset.plain, content_type=_content_type(name))
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        if asset.packed:
            response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.set_etag(f"{asset.digest}-gzip" if packed else asset.digest)
        response.make_conditional(request)
        return response


@dataclass(frozen=True)
class _Asset:
    plain: bytes
    packed: bytes  # by gzip; empty where that is no smaller
    digest: str


def _read(file: Traversable) -> _Asset:
    plain = file.read_bytes()
    packed = b"" if file.name.endswith(_PICTURES) else gzip.compress(plain, _LEVEL, mtime=0)
    return _Asset(plain, packed if len(packed) < len(plain) else b"", hashlib.sha256(plain).hexdigest()[:32])


def _files(folder: Traversable, prefix: str = "") -> Iterable[tuple[str, Traversable]]:
    """Yield the files of the kinds that are served, by their path below the folder."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif _content_type(entry.name):
            yield f"{prefix}{entry.name}", entry


def _content_type(name: str) -> str:
    """Return the Content-Type of a file by the end of its name, or "" for other kinds."""
    if name.endswith(_PICTURES):
        return mimetypes.guess_type(name)[0] or ""
    return next((kind for end, kind in _TEXTS.items() if name.endswith(end)), "")
