"""Static files: as they are or compressed, kept by browsers, and nothing beside them."""

import gzip
from pathlib import Path

import pytest
from flask import Flask, Request, Response, request
from flask.testing import FlaskClient
from werkzeug.exceptions import NotFound

from container.web.assets import Assets

SCRIPT = b"export const masks = [];\n" * 100


@pytest.fixture
def files(tmp_path: Path) -> FlaskClient:
    """A folder of files, served below /."""
    folder = tmp_path / "page"
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "app.js").write_bytes(SCRIPT)
    (folder / "index.html").write_bytes(b"<p>")
    (folder / "icon.png").write_bytes(bytes(1000))
    (folder / "app.py").write_bytes(b"no page")
    (tmp_path / "secret.txt").write_bytes(b"outside")
    app, assets = Flask("assets"), Assets(folder)

    @app.get("/<path:name>")
    def get(name: str) -> Response:
        asked: Request = request
        return assets.response(name, asked)

    return app.test_client()


@pytest.mark.parametrize(
    ("name", "accepted", "coding", "kind", "body"),
    [
        ("js/app.js", "", None, "text/javascript; charset=utf-8", SCRIPT),
        ("js/app.js", "gzip, br", "gzip", "text/javascript; charset=utf-8", SCRIPT),
        ("js/app.js", "br;q=1, gzip;q=0", None, "text/javascript; charset=utf-8", SCRIPT),
        ("js/app.js", "*", "gzip", "text/javascript; charset=utf-8", SCRIPT),
        ("index.html", "gzip", None, "text/html; charset=utf-8", b"<p>"),  # smaller as it is
        ("icon.png", "gzip", None, "image/png", bytes(1000)),
    ],
)
def test_a_file_comes_as_it_is_or_compressed(
    name: str, accepted: str, coding: str | None, kind: str, body: bytes, files: FlaskClient
) -> None:
    response = files.get(name, headers={"Accept-Encoding": accepted})
    headers = response.headers
    assert (response.status_code, headers.get("Content-Encoding"), headers["Content-Type"]) == (200, coding, kind)
    assert (gzip.decompress(response.data) if coding else response.data) == body
    assert len(response.data) == int(headers["Content-Length"])
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    assert ("Accept-Encoding" in headers.get("Vary", "")) is (name == "js/app.js")
    head = files.head(name, headers={"Accept-Encoding": accepted})
    assert head.data == b"" and head.headers["Content-Length"] == headers["Content-Length"]


def test_a_browser_that_has_a_file_is_told_so(files: FlaskClient) -> None:
    tags = {files.get("js/app.js", headers={"Accept-Encoding": coding}).headers["ETag"] for coding in ("", "gzip")}
    assert len(tags) == 2  # of two bodies
    kept = files.get("js/app.js", headers={"Accept-Encoding": "gzip", "If-None-Match": ", ".join(tags)})
    assert (kept.status_code, kept.data, kept.headers["Cache-Control"]) == (304, b"", "no-cache")
    assert files.get("js/app.js", headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["app.py", "js", "js/", "none.js", "../secret.txt", "js/../../secret.txt", "/etc/passwd"]
)
def test_nothing_else_is_served(name: str, files: FlaskClient) -> None:
    assert files.get(name).status_code == 404


def test_names_narrow_what_is_served(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_bytes(b"")
    (tmp_path / "b.css").write_bytes(b"")
    with Flask("assets").test_request_context():
        only = Assets(tmp_path, ["a.css"])
        assert only.response("a.css", request).status_code == 200
        with pytest.raises(NotFound):
            only.response("b.css", request)
    with pytest.raises(ValueError, match="has no c.css, d.bin"):
        Assets(tmp_path, ["a.css", "d.bin", "c.css"])
