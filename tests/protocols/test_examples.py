"""What the page of the API begins with: its examples work when they are sent as they are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conftest import Server

Operation = tuple[str, str, dict[str, Any]]  # the method, the path, what is described
# Paths whose examples need what this server has not: other models than the embedded one, or requests that came before.
ELSEWHERE = {
    "/async/{inference_id}": (404,),
    "/clip/compare": (404, 501),
    "/clip/embed_image": (404, 501),
    "/clip/embed_text": (404, 501),
    "/gaze/gaze_detection": (501,),
    "/infer/classification": (400,),
    "/infer/keypoints_detection": (400,),
    "/infer/semantic_segmentation": (400,),
    "/infer/lmm": (404, 501),
    "/infer/lmm/{name}": (404, 501),
    "/llm/cogvlm": (404, 501),
    "/ocr/trocr": (404, 501),
    "/sam/embed_image": (404, 501),
    "/sam/segment_image": (404, 501),
    "/sam2/embed_image": (404, 501),
    "/sam2/segment_image": (404, 501),
    "/endpoints/{name}/async-invocations": (400,),
    "/inference-routers/{name}/async-invocations": (400,),
}
FILES = ("image/jpeg", "multipart/form-data", "application/octet-stream")


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    return requests.get(server.url + "/openapi.json", timeout=10).json()


def operations(document: Any) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if "Not offered" not in described["tags"]:
                yield method, path, described


def sent(document: Any, method: str, path: str, described: dict[str, Any], photo: bytes) -> Iterator[dict[str, Any]]:
    """Yield what the page sends for each kind of body, as the arguments of requests.request."""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    for parameter in described.get("parameters", ()):
        value = parameter.get("example", parameter.get("schema", {}).get("example"))
        if "content" in parameter:
            value = json.dumps(parameter["content"]["application/json"]["schema"]["example"])
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", value or "1")
        elif value is not None:
            (headers if parameter["in"] == "header" else query)[parameter["name"]] = value
    request = {"method": method, "url": path, "headers": headers, "params": query}
    for kind, body in described.get("requestBody", {"content": {"": {}}})["content"].items():
        typed = {**request, "headers": {**headers, "Content-Type": kind}} if kind else request
        if "example" in body:
            text = body["example"] if isinstance(body["example"], str) else json.dumps(body["example"])
            yield {**typed, "data": text}
        elif kind == "multipart/form-data":
            yield {**request, "files": {"image": ("photo.jpg", photo, "image/jpeg")}}
        elif kind == "application/json":  # pages make it up of the members' examples
            properties = body["schema"]["properties"]
            made = {name: schema["example"] for name, schema in properties.items() if "example" in schema}
            assert set(body["schema"]["required"]) <= set(made), path
            yield {**typed, "data": json.dumps(made)}
        elif kind in FILES:
            yield {**typed, "data": photo}
        elif not kind:
            yield typed


def test_examples_work_as_they_are(server: Server, document: Any, astronaut: bytes) -> None:
    wrong = []
    unloading = "/model/remove", "/model/clear", "/clear_cache"
    for method, path, described in sorted(operations(document), key=lambda one: one[1] in unloading):
        if path == "/{project}/{version}" and method == "get":
            continue  # this server fetches no pictures
        for request in sent(document, method, path, described, astronaut):
            request["url"] = server.url + request["url"]
            response = requests.request(**request, timeout=60)
            if response.status_code not in ELSEWHERE.get(path, (200,)):
                wrong.append((method, path, request["headers"], response.status_code, response.text[:200]))
    assert wrong == []


def test_every_operation_has_a_section_of_its_own_order(document: Any) -> None:
    names = [tag["name"] for tag in document["tags"]]
    assert names[:2] == ["Invoke", "Health"] and names[-2:] == ["Operations", "Not offered"]
    assert all(tag["description"] for tag in document["tags"])
    order = [described["tags"] for methods in document["paths"].values() for described in methods.values()]
    assert all(len(tags) == 1 and tags[0] in names for tags in order)
    assert [name for name in names if [name] in order] == list(dict.fromkeys(tags[0] for tags in order))


def test_pages_offer_a_file_for_a_picture(document: Any) -> None:
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert next(iter(content)) == "image/jpeg"
    assert content["image/jpeg"]["schema"] == {"type": "string", "format": "binary"}
