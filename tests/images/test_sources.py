"""What each source reads, and what it answers to everything else."""

import base64
import io
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.errors import BadRequest, PayloadTooLarge, Unprocessable, UnsupportedMediaType
from container.images.base import Limits
from container.images.decode import decode
from container.images.sources import npy as npy_source
from container.images.sources import read_json, sources
from tests.images.pictures import encode, noise, smooth

LIMITS = Limits()
DATA = encode(noise(5, 7))
TEXT = base64.b64encode(DATA).decode()
URL_SAFE = base64.urlsafe_b64encode(DATA).decode()


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def test_the_sources_there_are() -> None:
    assert {"base64", "npy", "url"} <= set(sources)
    assert {name for name in sources if sources[name].in_json} >= {"base64", "url"}
    assert not sources["npy"].in_json


@pytest.mark.parametrize(
    "value",
    [
        TEXT,
        TEXT.encode(),
        "data:image/png;base64," + TEXT,
        "DATA:image/png;charset=x;BASE64," + TEXT,
        "data:;base64," + TEXT,
        "\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)) + "\r\n",
        " \t" + TEXT + "\n",
        URL_SAFE,
        TEXT.rstrip("="),
        URL_SAFE.rstrip("="),
        TEXT + "==",
    ],
)
def test_base64(value: object) -> None:
    (image,) = sources["base64"].read(value, LIMITS).images
    assert np.array_equal(image.pixels, noise(5, 7))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "0 bytes"),
        ("A", "one too many"),
        ("AAA*", "outside its alphabet"),
        ("AA=A", "outside its alphabet"),
        ("ÄÖÜ", "outside ASCII"),
        ("\ud800", "outside ASCII"),
        ("data:image/png," + TEXT, "data: prefix"),
        ("data:image/png;base64", "data: prefix"),
        (None, "null"),
        (7, "a number"),
        (True, "a boolean"),
        ([TEXT], "an array"),
        ({"a": 1}, "an object"),
    ],
)
def test_what_is_not_base64(value: object, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        sources["base64"].read(value, LIMITS)


def test_base64_of_what_is_no_picture() -> None:
    with pytest.raises(UnsupportedMediaType):
        sources["base64"].read(base64.b64encode(b"hello, world").decode(), LIMITS)


def test_base64_over_the_limit_is_not_decoded() -> None:
    with pytest.raises(PayloadTooLarge, match="SAGEMAKER_MAX_PAYLOAD_IN_MB"):
        sources["base64"].read("*" * 2000, Limits(max_body_bytes=1000))


@pytest.mark.parametrize(
    "array",
    [
        smooth(4, 6),
        np.asfortranarray(smooth(4, 6)),
        np.stack([smooth(4, 6), noise(4, 6)]),
        np.asfortranarray(np.stack([smooth(4, 6), noise(4, 6)])),
        smooth(4, 6)[::2],
    ],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy(array: np.ndarray, version: tuple[int, int]) -> None:
    images, batch = sources["npy"].read(npy(array, version), LIMITS)
    assert batch is (array.ndim == 4)
    assert np.array_equal(np.stack([image.pixels for image in images]), array.reshape(-1, *array.shape[-3:]))
    assert all(image.pixels.flags.c_contiguous and image.pixels.flags.writeable for image in images)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (smooth(4, 6)[..., 0], smooth(4, 6)[..., :1].repeat(3, 2)),
        (smooth(4, 6)[..., :1], smooth(4, 6)[..., :1].repeat(3, 2)),
        (np.asfortranarray(smooth(4, 6)[..., 0]), smooth(4, 6)[..., :1].repeat(3, 2)),
        (np.dstack([smooth(4, 6), np.full((4, 6), 255, np.uint8)]), smooth(4, 6)),
        (np.dstack([smooth(4, 6), np.zeros((4, 6), np.uint8)]), np.full((4, 6, 3), 255)),
        *((smooth(4, 6).astype(kind), smooth(4, 6)) for kind in ("<i2", ">i2", "<u4", ">i8", "<u8")),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_npy_of_other_pixels(array: np.ndarray, expected: np.ndarray) -> None:
    (image,) = sources["npy"].read(npy(array), LIMITS).images
    assert np.array_equal(image.pixels, expected)
    assert image.pixels.dtype == np.uint8 and image.pixels.flags.c_contiguous and image.pixels.flags.writeable


@pytest.mark.parametrize(
    ("array", "count"),
    [
        (np.frombuffer(DATA, np.uint8), None),
        (np.frombuffer(DATA, np.int8), None),
        (np.array(DATA), None),
        (np.void(DATA), None),
        (np.array([DATA]), 1),
        (np.array([DATA, encode(noise(5, 7), "BMP")]), 2),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray | np.void) else None,
)
def test_files_in_npy(array: np.ndarray, count: int | None) -> None:
    images, batch = sources["npy"].read(npy(array), LIMITS)
    assert batch is (count is not None) and len(images) == (count or 1)
    assert all(np.array_equal(image.pixels, noise(5, 7)) for image in images)


def test_many_files_in_npy() -> None:
    two = npy(np.array([DATA, DATA]))
    with pytest.raises(PayloadTooLarge, match="2 pictures; 1 to 1"):
        sources["npy"].read(two, Limits(max_images=1))
    with pytest.raises(PayloadTooLarge, match="picture 2 of 2: the picture declares 7x5 = 35 pixels; at most 15"):
        sources["npy"].read(two, Limits(max_pixels=50))
    with pytest.raises(PayloadTooLarge, match="1000000 pictures"):
        sources["npy"].read(npy(np.zeros(10**6, "S1")), LIMITS)


def test_an_npy_header_is_parsed_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = [], npy_source._layout
    monkeypatch.setattr(npy_source, "_layout", lambda header: parsed.append(header) or parse(header))
    response = client.post("/invocations", data=npy(smooth(4, 6), (1, 0)), content_type="application/x-npy")
    assert response.status_code == 200 and len(parsed) == 1


def _header(text: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode("latin-1") + body


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (npy(smooth(4, 6).astype(np.float32)), r"float32 of shape \(4, 6, 3\); wanted: uint8"),
        (npy(noise(3, 4, 6).astype(np.float32)), r"channels first: move them to the end.*; wanted: uint8"),
        (npy(noise(3, 4, 6)), r"uint8 of shape \(3, 4, 6\), channels first"),
        (npy(smooth(4, 6).astype(">i8") - 300), "int64 with values from -300 to"),
        (npy(smooth(4, 6).astype(np.uint16) + 300), "uint16 with values from 300 to"),
        (npy(np.zeros(8, np.int16)), r"int16 of shape \(8,\)"),
        (npy(np.array([], np.uint8)), "0 bytes"),
        (npy(smooth(4, 6) > 9), "bool"),
        (npy(np.zeros((2, 2, 3), "S3")), "'|S3'"),
        (npy(np.zeros((2, 2, 3), [("a", "u1")])), "a record"),
        (npy(noise(4, 6, 2)), r"shape \(4, 6, 2\)"),
        (npy(np.array(["text"])), "'<U4'"),
        (npy(np.zeros((1, 1, 4, 6, 3), np.uint8)), "shape"),
        (npy(smooth(4, 6))[:-1], "takes 72 bytes; 71 follow"),
        (npy(smooth(4, 6)) + b"x", "takes 72 bytes; 73 follow"),
        (npy(smooth(4, 6))[:40], "header declares"),
        (b"", "not those of a .npy"),
        (b"\x93NUMPY", "not those of a .npy"),
        (b"\x93NUMPY\7\0" + bytes(20), "version 7"),
        (b"\x93NUMPY\2\0\xff\xff\xff\x7f" + bytes(20), "header declares"),
        (_header("{'descr': '|u1', 'shape': (1, 1, 3)}", b"abc"), "fortran_order"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 1, 3)}", b"abc"), "no shape"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (4 4, 1, 3)}"), "no list of sizes"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,, 1, 3)}"), "no list of sizes"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (,)}"), "no list of sizes"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1" * 19 + ", 1, 3)}"), "no list of sizes"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': ()}"), r"of shape \(\)"),
        (_header("(" * 9000), "no dtype"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1," * 4000 + ")}"), "shape"),
        (DATA, "not those of a .npy"),
        ("text", "a string"),
        (None, "null"),
    ],
)
def test_what_is_not_npy(value: object, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as caught:
        sources["npy"].read(value, LIMITS)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("filling", ["1", "1,", " ", "1 ", ", ", "'shape': (", "'descr': ", "'shape': (1"])
@pytest.mark.parametrize("end", ["", "x", ")"])
def test_an_npy_header_is_read_in_no_time(filling: str, end: str) -> None:
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + filling * (9000 // len(filling)) + end
    begun = time.process_time()
    with pytest.raises(BadRequest):
        sources["npy"].read(_header(text), LIMITS)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((10**9, 10**9, 3), PayloadTooLarge),
        ((10**9, 1, 1, 3), PayloadTooLarge),
        ((0, 1, 1, 3), PayloadTooLarge),
        ((0, 4, 3), Unprocessable),
        ((4, 0, 3), Unprocessable),
    ],
)
def test_npy_sizes_are_tested_before_anything_is_allocated(shape: tuple[int, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        sources["npy"].read(_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"), LIMITS)


class _Mark:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_no_pickle_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    objects = np.array([[[_Mark(mark), None, None]]], dtype=object)
    for value in (npy(objects), pickle.dumps(_Mark(mark))):
        for name in ("npy", "base64"):
            with pytest.raises((BadRequest, UnsupportedMediaType)):
                sources[name].read(value, LIMITS)
        with pytest.raises(UnsupportedMediaType):
            decode(value, LIMITS)
    with pytest.raises(BadRequest, match="object of shape"):
        sources["npy"].read(npy(objects), LIMITS)
    assert not mark.exists()


def test_url_is_off_by_default() -> None:
    for value in ("https://images.example.com/a.png", "file:///etc/passwd", ""):
        with pytest.raises(BadRequest, match="URL input is off.*MASKSERVE_URL_HOSTS"):
            sources["url"].read(value, LIMITS)
    with pytest.raises(BadRequest, match="a number"):
        sources["url"].read(3, LIMITS)


@pytest.mark.parametrize("value", [TEXT, {"type": "base64", "value": TEXT}, {"value": TEXT, "type": "base64", "x": 1}])
def test_json(value: object) -> None:
    (image,) = read_json(value, LIMITS).images
    assert image.size == (5, 7)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"type": "numpy", "value": TEXT}, "'numpy'; allowed types: base64, url"),
        ({"type": "npy", "value": TEXT}, "'npy'; allowed types: base64, url"),
        ({"type": "file", "value": "/etc/passwd"}, "'file'; allowed types"),
        ({"type": "x\ny", "value": ""}, r"x\\ny"),
        ({"type": None, "value": TEXT}, "no string; allowed types"),
        ({"type": [], "value": TEXT}, "no string"),
        ({"type": "base64"}, "allowed types"),
        ({"value": TEXT}, "allowed types"),
        ({"type": "base64", "value": 3}, "a number"),
        ({"type": "url", "value": "https://a.example/"}, "URL input is off"),
        ({}, "allowed types"),
        ([], "allowed types"),
        (None, "allowed types"),
        (3.5, "allowed types"),
        ("", "0 bytes"),
    ],
)
def test_other_json(value: object, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        read_json(value, LIMITS)
