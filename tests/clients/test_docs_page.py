"""The API's own description: the document by a validator, the page by a browser."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.clients.browser import CHROMIUM, browse
from tests.conftest import Server


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    return requests.get(server.url + "/openapi.json", timeout=10).json()


@pytest.fixture(scope="module")
def operations(document: Any) -> set[tuple[str, str]]:
    """("post", "/invocations"), …"""
    return {(method, path) for path, methods in document["paths"].items() for method in methods}


def test_the_document_is_valid(document: Any, operations: set[tuple[str, str]]) -> None:
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []
    assert {("get", "/ping"), ("post", "/invocations"), ("post", "/endpoints/{name}/invocations")} <= operations


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_shows_every_section(server: Server, document: Any, tmp_path: Path) -> None:
    dom, requested = browse(server.url + "/docs", tmp_path)
    sections = re.findall(r'class="opblock-tag[^>]*data-tag="([^"]+)"', dom)
    assert sections == [tag["name"] for tag in document["tags"]]
    shown = re.findall(r'opblock-summary-method">(\w+)<.*?data-path="([^"]+)"', dom, re.DOTALL)
    assert shown == [("POST", "/invocations")]  # the others are closed
    assert "Maskserve" in dom and "Failed to load" not in dom
    assert server.url + "/docs/assets/swagger-ui-bundle.js" in requested
    assert [url for url in requested if not url.startswith(server.url)] == []
    linked = re.findall(r'(?:src|href|action)="((?:\w+:)?//[^"]*)"', dom)
    assert [url for url in linked if not url.startswith(server.url)] == []


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_behind_a_key_the_page_asks_for_it_as_a_user_name(start_slow_server: Any, tmp_path: Path) -> None:
    key = "browsers/key+2026="
    server = start_slow_server(0, MASKSERVE_API_KEY=key)
    server.wait()
    refused, _ = browse(server.url + "/docs", tmp_path / "without")
    assert "swagger-ui" not in refused
    page, requested = browse(server.url.replace("//", f"//{quote(key, safe='')}@") + "/docs", tmp_path / "with")
    assert page.count('data-tag="') >= 7 and "Failed to load" not in page
    assert server.url + "/openapi.json" in requested
    assert key not in server.log.read_text()
