"""What the page weighs: all of its files, as they are sent."""

from pathlib import Path

from flask.testing import FlaskClient

from tests.conftest import ROOT

FOLDER = ROOT / "container/page"
MAX_BYTES = 100_000
LOADED_WHEN_ASKED_FOR = ("sample.jpg",)


def sent(client: FlaskClient, name: str) -> int:
    """The bytes of the body of a file of the page."""
    response = client.get(f"/page/{name}", headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200, name
    return len(response.data)


def files() -> list[str]:
    """The names of all files of the page but what is loaded only when somebody asks for it."""
    names = [path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()]
    return sorted(name for name in names if Path(name).name not in LOADED_WHEN_ASKED_FOR)


def test_all_files_together(client: FlaskClient) -> None:
    sizes = {name: sent(client, name) for name in files()}
    assert len(sizes) > 10 and sum(sizes.values()) <= MAX_BYTES, sizes


def test_the_sample(client: FlaskClient) -> None:
    assert sent(client, "sample.jpg") < MAX_BYTES
