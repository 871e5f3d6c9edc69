"""Addresses that are keys themselves: where an upload is put, and where a mask is read.

The client sends its API key to neither. So each address has an expiry and a signature of both, made with a secret of
the store; every process of this server, and the next one, knows it.
"""

from urllib.parse import quote

from flask import request

from container.errors import Unauthenticated
from container.protocols.nucleus.names import MASKS, UPLOADS
from container.store.database import now
from container.store.store import Store

_DAY = 86_400  # seconds
PARAMETERS = [
    {"in": "query", "name": "expires", "required": True, "schema": {"type": "integer"}},
    {"in": "query", "name": "signature", "required": True, "schema": {"type": "string"}},
]


class Addresses:
    """Makes and checks addresses, which begin with `public_url` or with the request's own host."""

    def __init__(self, store: Store, public_url: str) -> None:
        self._store = store
        self._public_url = public_url

    def upload(self, dataset_id: str, request_id: str) -> str:
        """Return the address to put an upload to."""
        return self._signed(f"{UPLOADS}/{quote(dataset_id, safe='')}/{quote(request_id, safe='')}")

    def mask(self, sha256: str) -> str:
        """Return the address of a mask or a picture; it is the same for a day, and good for one to two."""
        return self._signed(f"{MASKS}/{sha256}")

    def check(self) -> None:
        """Raise Unauthenticated unless this request has a good signature of its path, which has not expired."""
        expires, signature = request.args.get("expires", ""), request.args.get("signature", "")
        path = quote(request.path, safe="/")
        method = "GET" if request.method == "HEAD" else request.method
        if not self._store.signed(f"{method} {path} {expires}", signature):
            raise Unauthenticated("the signature of this address is wrong")
        if int(expires) < now():  # a number, as it was signed here
            raise Unauthenticated("this address has expired; ask for another one")

    def _signed(self, path: str) -> str:
        method = "PUT" if path.startswith(UPLOADS) else "GET"
        expires = (int(now()) // _DAY + 2) * _DAY
        signature = self._store.sign(f"{method} {path} {expires}")
        base = self._public_url or f"{request.scheme}://{request.host}"
        return f"{base}{path}?expires={expires}&signature={signature}"
