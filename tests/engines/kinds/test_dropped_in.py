"""A kind of model that is none of pictures, written into a folder, is loaded, tried and served over HTTP."""

import json
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Server
from tests.plugged import command

KIND = '''
"""Embeddings of texts: the mean of the vectors of their words, which vectors.json beside model.json holds."""

import json
from typing import NamedTuple

import numpy as np

from container.engines.base import Architecture, Engine, architectures
from container.errors import ModelError


class TextQuery(NamedTuple):
    text: str


class BagOfWords(Engine[TextQuery, np.ndarray]):
    query = TextQuery
    task = "text embedding"

    def __init__(self, spec, vectors):
        super().__init__(spec)
        self._vectors = vectors

    def predict(self, queries):
        return [np.mean([self._vectors[word] for word in query.text.split()], 0) for query in queries]

    def trial(self):
        return TextQuery(" ".join(self._vectors))


class Words(Architecture):
    kind = "text embedding"
    takes_folder = True

    def load(self, spec, runtime):
        try:
            vectors = json.loads((spec.weights / "vectors.json").read_text())
        except (OSError, ValueError):
            raise ModelError("vectors.json of the model cannot be read") from None
        return BagOfWords(spec, vectors)


architectures.add("bag_of_words", Words())
'''
PROTOCOL = """
from flask import Blueprint, g, request

from container.web.body import read_json
from container.web.protocol import Protocol, protocols


class Embed(Protocol):
    name = "embed"
    prefixes = ("/embed",)

    def blueprints(self, services):
        from container.engines.kinds.bag_of_words import TextQuery

        blueprint = Blueprint("embed", __name__)

        @blueprint.post("/embed")
        def embed():
            texts = read_json(request)["texts"]
            with services.pipeline.open(services.pool.policy.served, g.context) as run:
                run.admit()
                return {"vectors": [vector.tolist() for vector in run.ask([TextQuery(text) for text in texts])]}

        yield blueprint


protocols.add("embed", Embed)
"""
VECTORS = {"cat": [1.0, 0.0], "dog": [0.0, 1.0]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-ins, a model as a folder and as an archive, and one whose file is missing."""
    folder = tmp_path_factory.mktemp("kind")
    for path, text in {
        "kinds/bag_of_words.py": KIND,
        "protocols/embed.py": PROTOCOL,
        "pets/model.json": '{"architecture": "bag_of_words"}',
        "pets/vectors.json": json.dumps(VECTORS),
        "none/model.json": '{"architecture": "bag_of_words"}',
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    with tarfile.open(folder / "pets.tar.gz", "w:gz") as tar:
        tar.add(folder / "pets", ".")
    return folder


def plugged(folder: Path, *arguments: str) -> tuple[str, ...]:
    return command(*arguments, container_engines_kinds=folder / "kinds", container_protocols=folder / "protocols")


@pytest.fixture(scope="module", params=["pets", "pets.tar.gz"])
def server(request: pytest.FixtureRequest, folder: Path, start_server: Callable[..., Server]) -> Server:
    server = start_server(*plugged(folder, "serve", "--model", str(folder / request.param)))
    server.wait()
    return server


def post(url: str, data: bytes) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data)) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_it_answers_in_its_own_terms(server: Server) -> None:
    body = json.dumps({"texts": ["cat", "dog", "cat dog", "cat cat cat dog"]}).encode()
    assert post(server.url + "/embed", body) == (200, {"vectors": [[1, 0], [0, 1], [0.5, 0.5], [0.75, 0.25]]})


def test_a_picture_is_refused(server: Server, small_png: bytes) -> None:
    status, document = post(server.url + "/invocations", small_png)
    assert status == 400 and document["error"]["message"] == (
        "model 'pets' is for text embedding, and takes no queries of this kind"
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(plugged(folder, *arguments), capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_it_is_listed(folder: Path) -> None:
    done = run(folder, "models", "--model", str(folder / "pets"))
    assert "text embedding:\n  bag_of_words\n" in done.stdout
    assert "serve loads: pets: bag_of_words (text embedding), weights pets, no labels" in done.stdout


def test_what_it_lacks_is_said(folder: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(*plugged(folder, "serve", "--model", str(folder / "none")))
    assert server.process.wait(60) == 1
    assert "maskserve: vectors.json of the model cannot be read" in server.log.read_text()


def test_its_folder_is_packed(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    arguments = "pack", "--architecture", "bag_of_words", "--weights", str(folder / "pets")
    done = run(folder, *arguments, "--output", str(archive))
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as packed:
        assert sorted(packed.getnames()) == sorted({"model.json", *(file.name for file in (folder / "pets").iterdir())})
