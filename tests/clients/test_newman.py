"""The Postman collection, run by newman against a real server."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.clients.conftest import PERSON
from tests.conftest import ROOT, Server, pixels_of

COLLECTION = ROOT / "postman" / "maskserve.postman_collection.json"
ENVIRONMENT = ROOT / "postman" / "maskserve.postman_environment.json"
NEWMAN = Path(__file__).parent / "node_modules" / ".bin" / "newman"
REAL_AWS = "Real AWS"

FOLDERS: dict[str, list[dict[str, Any]]] = {f["name"]: f["item"] for f in json.loads(COLLECTION.read_text())["item"]}
LOCAL = [name for name in FOLDERS if name != REAL_AWS]

needs_newman = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def run(server: Server, photo: bytes, folder: Path, names: list[str], **variables: str) -> list[dict[str, Any]]:
    """Run folders of the collection; the executions, all of whose assertions hold."""
    assert NEWMAN.exists(), "newman is not installed: run `npm ci --prefix tests/clients`"
    (folder / "photo.jpg").write_bytes(photo)
    np.save(folder / "photo.npy", pixels_of(photo))
    given = {"baseUrl": server.url, "awsUrl": server.url, **variables}  # never the real AWS
    done = subprocess.run(
        [NEWMAN, "run", COLLECTION, "--environment", ENVIRONMENT, "--working-dir", folder, "--color", "off"]
        + ["--reporters", "cli,json", "--reporter-json-export", folder / "report.json", "--timeout-request", "30000"]
        + [part for name in names for part in ("--folder", name)]
        + [part for key, value in given.items() for part in ("--env-var", f"{key}={value}")],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    executions: list[dict[str, Any]] = json.loads((folder / "report.json").read_text())["run"]["executions"]
    assert [execution["item"]["name"] for execution in executions] == [i["name"] for n in names for i in FOLDERS[n]]
    return executions


def body(execution: dict[str, Any]) -> bytes:
    return bytes(execution["response"]["stream"]["data"])


def headers(message: dict[str, Any]) -> dict[str, str]:
    return {header["key"].lower(): header["value"] for header in message["header"]}


@needs_newman
def test_every_assertion_holds(server: Server, astronaut: bytes, tmp_path: Path) -> None:
    executions = run(server, astronaut, tmp_path, LOCAL)
    assert [e["item"]["name"] for e in executions if not e.get("assertions")] == []
    # The assertions hold for any photo, also for one in which nothing is found: in this one somebody is.
    answers = [e for e in executions if e["response"]["code"] == 200 and e["item"]["request"]["method"] == "POST"]
    facts = [json.loads(headers(e["response"])["x-amzn-sagemaker-custom-attributes"]) for e in answers]
    found = [each["n"] for each in facts if each]  # there are none where a session is closed
    assert found.count(0) == 3  # the grey picture in base64
    labels = [json.loads(body(e)).get("labels") for e in answers if body(e).startswith(b'{"labels"')]
    assert len(labels) > 12 and all(PERSON.fullmatch(one[0]) for one in labels if one)


@needs_newman
def test_requests_to_aws_are_signed(server: Server, astronaut: bytes, tmp_path: Path) -> None:
    keys = {"accessKey": "AKIDEXAMPLE", "secretKey": "secret", "region": "eu-central-1"}
    executions = run(server, astronaut, tmp_path, [REAL_AWS], **keys)
    signed = r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-central-1/sagemaker/aws4_request, SignedHeaders=.*"
    for execution in executions:
        assert re.fullmatch(signed, headers(execution["request"])["authorization"])


def test_every_request_explains_itself() -> None:
    for name, items in FOLDERS.items():
        for item in items:
            assert item["request"]["description"], f"{name}: {item['name']}"
            assert any("pm.test" in line for event in item["event"] for line in event["script"]["exec"])


def test_every_route_has_a_request(server: Server) -> None:
    """Of SageMaker's protocol and of every protocol; Roboflow's and Nucleus's have clients of their own."""
    described = requests.get(server.url + "/openapi.json", timeout=10).json()["paths"]
    routes = {
        (method.upper(), path)
        for path, methods in described.items()
        for method, operation in methods.items()
        if not operation["operationId"].startswith(("roboflow_", "nucleus_"))
    }
    assert routes <= set(requests_of_the_collection())


def requests_of_the_collection() -> Iterator[tuple[str, str]]:
    """("POST", "/endpoints/{name}/invocations"), …"""
    for name in LOCAL:
        for item in FOLDERS[name]:
            path = item["request"]["url"]["raw"].removeprefix("{{baseUrl}}")
            named = path.replace("{{endpointName}}", "{name}").replace("{{inferenceId}}", "{inference_id}")
            yield item["request"]["method"], named
