"""ONNX files made to harm: none takes much memory or time, reads what is not its own, or ends the server."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from container.engines import base, runtime
from container.errors import ModelError
from container.structures import ModelSpec
from tests.limits import bounded
from tests.onnx_graphs import FLOAT, INT64, graph, node, number, numbers, outside, port

CPU = runtime.start("cpu", "fp32", 1)
HUGE = 10**10


def encoder(*nodes: bytes, constants: tuple[bytes, ...] = ()) -> bytes:
    """An encoder whose embedding is the sum of a picture and of what the nodes make, `extra`."""
    last = node("Add", "picture extra", "embedding")
    return graph([*nodes, last], [port("picture", 1, 3, 16, 16)], [port("embedding", 1, 3, 16, 16)], *constants)


def decoder(*nodes: bytes, constants: tuple[bytes, ...] = (), extra: tuple[bytes, ...] = ()) -> bytes:
    """A decoder whose masks are the embedding times what the nodes make of the points, `factor`."""
    inputs = [port("image_embeddings", 1, 3, 16, 16), port("point_coords", 1, "n", 2), port("point_labels", 1, "n")]
    made = nodes or (node("ReduceSum", "point_labels", "factor", keepdims=0),)
    masks = node("Mul", "image_embeddings factor", "low_res_masks")
    return graph([*made, masks], [*inputs, *extra], [port("low_res_masks", 1, 3, 16, 16)], *constants)


PLAIN = encoder(node("Relu", "picture", "extra"))
SUM = node("ReduceSum", "big", "sum", keepdims=0)
FLOATS = node("Cast", "sum", "extra", to=FLOAT)
READ = "encoder.onnx cannot be read as ONNX: "


def elsewhere(location: str, offset: int = 0) -> bytes:
    """An encoder with data in another file."""
    expand = node("Expand", "secret shape", "extra")
    return encoder(expand, constants=(outside("secret", location, offset), numbers("shape", 1)))


def filled(*sides: int) -> bytes:
    """An encoder with the sum of a constant that is made as it is read."""
    made = node("ConstantOfShape", "size", "big"), node("ReduceSum", "big", "extra")
    return encoder(*made, constants=(numbers("size", *sides),))


# The file, and the reason.
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "encoder.onnx is no ONNX model: it is empty"),
    "noise": (bytes(range(8, 256)) * 4, READ + "it is cut short or damaged"),
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
        "encoder.onnx is no ONNX model: it is a pointer of Git LFS: fetch the file itself with `git lfs pull`",
    ),
    "a web page": (b"<!doctype html><html>", "encoder.onnx is no ONNX model: it is a web page or XML"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "encoder.onnx is no ONNX model: it is HDF5, as Keras and TensorFlow write it"),
    "cut short": (PLAIN[:-40], READ + "it is cut short or damaged"),
    "an unknown operation": (
        encoder(node("Frobnicate", "picture", "extra")), READ + "it has operations that OpenVINO has not",
    ),
    "data outside": (elsewhere("../secret"), READ + "its data lies outside of its folder"),
    "data by a link": (elsewhere("link"), READ + "its data lies outside of its folder"),
    "data of a device": (elsewhere("/dev/zero"), READ + "its data lies outside of its folder"),
    "no data": (elsewhere("none"), READ + "its data, in a file beside it, is missing or cut short"),
    # OpenVINO would read its own memory there, or crash.
    "data at an address": (
        elsewhere("*/_ORT_MEM_ADDR_/*", 94_000_000_000_000),
        "encoder.onnx refers to data in memory, which no file can hold",
    ),
    "a constant of 40 GB": (
        filled(HUGE), "encoder.onnx makes a tensor of 38146 MB by a Broadcast; it takes at most 2048",
    ),
    "constants of 1 GB": (
        filled(HUGE // 40), "encoder.onnx makes constants of 953 MB, far more than its files hold",
    ),
    "a picture that grows": (
        encoder(
            node("Tile", "picture times", "big"), node("ReduceSum", "big", "extra"),
            constants=(numbers("times", 9999, 1, 99, 1),),
        ),
        "encoder.onnx makes a tensor of 2900 MB by a Tile; it takes at most 2048",
    ),
    "a size that follows from pixels": (
        encoder(
            node("ReduceSum", "picture", "total", keepdims=0), node("Cast", "total", "size", to=INT64),
            node("Range", "zero size step", "big"), SUM, FLOATS,
            constants=(number("zero", 0), number("step", 1)),
        ),
        "encoder.onnx makes a tensor by a Range whose size is not known before a prediction",
    ),
    "40 GB summed up for a size": (
        encoder(
            node("ConstantOfShape", "size", "floats"), node("Cast", "floats", "big", to=INT64), SUM,
            node("Reshape", "sum one", "flat"), node("Reshape", "picture flat", "extra"),
            constants=(numbers("size", HUGE), numbers("one", 1)),
        ),
        "encoder.onnx cannot be used: its trial takes far more memory than its size lets expect",
    ),
    # 2^63 is no int64, and the processor says so by a signal.
    "the least number divided by -1": (
        encoder(node("Div", "least minus", "sum"), FLOATS, constants=(number("least", -(2**63)), number("minus", -1))),
        "encoder.onnx cannot be used: its trial ended the process",
    ),
    "20,000 operations": (
        encoder(node("Relu", "picture", "0"), *(node("Relu", f"{i}", f"{i + 1}") for i in range(19999)),
                node("Relu", "19999", "extra")),
        "encoder.onnx has 20004 operations; it takes at most 20000",
    ),
}  # fmt: skip


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Path]:
    """A folder with an encoder and a decoder, beside a file that is none of its business."""

    def make(first: bytes = PLAIN, second: bytes = decoder()) -> Path:
        folder = tmp_path / "pair"
        folder.mkdir()
        (tmp_path / "secret").write_bytes(bytes(12))
        (folder / "link").symlink_to(tmp_path / "secret")
        (folder / "encoder.onnx").write_bytes(first)
        (folder / "decoder.onnx").write_bytes(second)
        return folder

    return make


def load(folder: Path) -> object:
    return base.load(ModelSpec("pair", "sam_onnx", folder), CPU)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_encoder_is_refused(pair: Callable[..., Path], name: str, tmp_path: Path) -> None:
    content, reason = HOSTILE[name]
    with bounded(), pytest.raises(ModelError) as caught:
        load(pair(content))
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_plain_pair_of_the_same_make_is_served(pair: Callable[..., Path]) -> None:
    engine = load(pair())
    (answer,) = engine.predict([engine.trial()])
    assert answer.embedding.parts[0].shape == (1, 3, 16, 16)


def test_a_decoder_is_given_what_it_names(pair: Callable[..., Path]) -> None:
    """As that of HQ-SAM, which asks for intermediate embeddings."""
    nodes = [
        node("Relu", "picture", "embedding"),
        node("Exp", "picture", "interm_embeddings"),
        node("Abs", "picture", "no"),
    ]
    outputs = [port(name, 1, 3, 16, 16) for name in ("no", "interm_embeddings", "embedding")]
    first = graph(nodes, [port("picture", 1, 3, 16, 16)], outputs[::-1])
    second = decoder(
        node("ReduceSum", "interm_embeddings", "factor", keepdims=0), extra=(port("interm_embeddings", 1, 3, 16, 16),)
    )
    engine = load(pair(first, second))
    embedding = engine.embed(np.full((16, 16, 3), 255, np.uint8))
    assert len(embedding.parts) == 2
    np.testing.assert_allclose(embedding.parts[1], np.exp(embedding.parts[0]), rtol=1e-5)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (PLAIN, "decoder.onnx and encoder.onnx: one of the two has to be a decoder, with an input 'point_coords'"),
        (decoder(extra=(port("interm_embeddings", 1, 8),)), "decoder.onnx has an input 'interm_embeddings', and"),
        (decoder().replace(b"point_labels", b"point_titles"), "decoder.onnx has an input 'point_titles', and encoder"),
        (decoder().replace(b"low_res_masks", b"low_res_maps_"), "decoder.onnx makes low_res_maps_; a prompt decoder"),
        (
            decoder().replace(port("image_embeddings", 1, 3, 16, 16), port("image_embeddings", 1, 3, 32, 32)),
            "decoder.onnx takes image_embeddings of [1,3,32,32], and it would be given [1,3,16,16]",
        ),
        (
            decoder(node("Exp", "image_embeddings", "big"), node("Log", "big", "one"), node("Sub", "one one", "zero"),
                    node("Div", "one zero", "factor")),
            "decoder.onnx makes numbers that are not finite",
        ),
    ],
)  # fmt: skip
def test_a_decoder_that_does_not_fit_is_refused(pair: Callable[..., Path], second: bytes, reason: str) -> None:
    with pytest.raises(ModelError) as caught:
        engine = load(pair(second=second))
        engine.predict([engine.trial()])
    assert str(caught.value).startswith(reason)
