"""fetch, as browsers and Node.js have it: forms, and JSON that it calls text/plain."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import PERSON
from tests.conftest import Server

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

READ = """
const [url, path] = process.argv.slice(1);
const bytes = require("fs").readFileSync(path);
const form = new FormData();
"""
SEND = """
fetch(url, { method: "POST", ...request }).then(async (response) => {
    console.log(JSON.stringify([response.status, await response.json()]));
});
"""


def fetch(script: str, url: str, photo: bytes, folder: Path) -> tuple[int, Any]:
    """Send the `request` that a script makes of `bytes`, the photo's."""
    (folder / "photo.jpg").write_bytes(photo)
    command = ["node", "-e", READ + script + SEND, url + "/invocations", str(folder / "photo.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    status, document = json.loads(done.stdout)
    return status, document


@pytest.mark.parametrize(
    "script",
    [
        'form.append("image", new Blob([bytes], { type: "image/jpeg" })); const request = { body: form };',
        'form.append("any", new Blob([bytes]), "größe.jpg"); form.append("a", "b"); const request = { body: form };',
        "const request = { body: bytes };",
        'const request = { body: JSON.stringify({ inputs: bytes.toString("base64") }) };',
    ],
    ids=["blob", "file", "bytes", "text"],
)
def test_a_photo(script: str, server: Server, astronaut: bytes, tmp_path: Path) -> None:
    status, document = fetch(script, server.url, astronaut, tmp_path)
    assert status == 200 and PERSON.fullmatch(document["labels"][0])


def test_a_form_whose_type_was_written_by_hand(server: Server, astronaut: bytes, tmp_path: Path) -> None:
    script = """
        form.append("image", new Blob([bytes]));
        const request = { body: form, headers: { "Content-Type": "multipart/form-data" } };
    """
    status, document = fetch(script, server.url, astronaut, tmp_path)
    assert status == 400 and "leave this header to the client" in document["error"]["hint"]
