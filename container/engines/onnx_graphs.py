"""The two ONNX graphs of a promptable model as OpenVINO reads them, cut and shaped for what is asked of them.

No torch: the process that tries a pair (`graph_trial`) imports this, too.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from container import memory
from container.checkpoints import other_kinds
from container.engines import onnx_parameters
from container.engines.onnx_parameters import Parameters
from container.engines.onnx_pictures import ImageInput, dtype_of, image_input, lengths, names_of
from container.engines.openvino_core import openvino
from container.errors import ModelError
from container.files import made_by_macos
from container.structures.prompts import MAX_POINTS

POINTS, LABELS, MASK, HAS_MASK, SIZE = "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"
EMBEDDINGS, LOW_RES, MASKS, SCORES = "image_embeddings", "low_res_masks", "masks", "iou_predictions"
MASK_SCALE = 4  # the side of low-resolution masks, in sides of an embedding
MAX_TOKENS = MAX_POINTS + 2  # with the corners of a box
# OpenVINO takes external data under this name for an address in its own memory: it would read any of it, or crash.
_ADDRESS = b"_ORT_MEM_ADDR_"
_CHUNK = 1 << 20
MAX_OPERATIONS = 20_000  # an encoder of ViT-B has 4,100, one of ViT-H some 11,000
MAX_TENSOR = 2 << 30  # bytes; attention of ViT-H has 1 GB
# Bytes that constants may have once they are worked out, besides four times those of the files. 800 MB took 12 s.
SPARE_CONSTANTS = 128 << 20
_REASONS = (
    (re.compile(r"outside the base directory"), "its data lies outside of its folder"),
    (re.compile(r"externally stored data|Invalid usage"), "its data, in a file beside it, is missing or cut short"),
    (re.compile(r"No conversion rule|OpConversionFailure|not supported"), "it has operations that OpenVINO has not"),
)


@dataclass(frozen=True)
class Input:
    """An input of a decoder."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]  # -1 for the number of points


@dataclass(frozen=True)
class Pair:
    """An encoder and a decoder, ready to be compiled."""

    encoder: Any  # openvino.Model, whose outputs are `parts`
    decoder: Any  # openvino.Model, with masks as its first output and the scores, if there are any, as its second
    names: tuple[str, str]  # of their files
    image: ImageInput
    inputs: Mapping[str, Input]  # of the decoder, without the size of the picture
    parts: tuple[str, ...]  # those inputs that the encoder's outputs go to

    @property
    def scored(self) -> bool:
        """True if the decoder says which masks are good."""
        return len(self.decoder.outputs) > 1


def read_pair(folder: Path, parameters: Parameters, tell: Callable[[str], None] = lambda name: None) -> Pair:
    """Read the encoder and the decoder of a folder, and `tell` the name of each; ModelError with it and the reason."""
    graphs = {}
    for path in _paths(folder, parameters):
        tell(path.name)
        graphs[path.name] = _read(path)
    decoders = [name for name, graph in graphs.items() if POINTS in names_of(graph.inputs)]
    if len(decoders) != 1:
        raise ModelError(f"{' and '.join(graphs)}: one of the two has to be a decoder, with an input {POINTS!r}")
    second = decoders[0]
    first = next(name for name in graphs if name != second)
    if parameters.decoder == first or parameters.encoder == second:
        raise ModelError(f"{second} has an input {POINTS!r}, so it is the decoder and {first} the encoder")
    try:
        return _pair(graphs[first], graphs[second], first, second, parameters)
    except RuntimeError as error:  # OpenVINO's, of shapes that do not go together
        raise ModelError(f"{first} and {second} do not fit each other, or a picture of their size") from error


def graphs(folder: Path, values: Mapping[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """Return the encoder and the decoder by the names of their files, for `graph_trial`; see `read_pair`."""
    pair = read_pair(folder, onnx_parameters.read(values), tell)
    return dict(zip(pair.names, (pair.encoder, pair.decoder), strict=True))


def check(graph: Any, name: str, file_bytes: int) -> None:
    """Raise ModelError for a graph that takes far more than its files hold, or what is not known beforehand.

    Args:
        graph: with fixed shapes of all inputs; see `largest`.
        name: of its file, for errors.
        file_bytes: of all files of the model.
    """
    operations = graph.get_ordered_ops()
    if len(operations) > MAX_OPERATIONS:
        raise ModelError(f"{name} has {len(operations)} operations; it takes at most {MAX_OPERATIONS}")
    constant: set[str] = set()
    worked_out = 0
    for operation in operations:
        kind = operation.get_type_name()
        if kind in ("Loop", "TensorIterator"):
            raise ModelError(f"{name} has a loop, which nothing bounds")
        size = max((_bytes(output, name, kind) for output in operation.outputs()), default=0)
        if size > MAX_TENSOR:
            raise ModelError(f"{name} makes a tensor of {size >> 20} MB by a {kind}; it takes at most 2048")
        sources = [value.get_source_output().get_node().get_name() for value in operation.inputs()]
        if kind == "Constant" or sources and constant.issuperset(sources):
            constant.add(operation.get_name())
            worked_out += size if kind != "Constant" else 0
    if worked_out > 4 * file_bytes + SPARE_CONSTANTS:
        raise ModelError(f"{name} makes constants of {worked_out >> 20} MB, far more than its files hold")


def largest(graph: Any) -> Any:
    """Return a graph at the largest picture, or at the most points, that it is given, for `check`."""
    copy = graph.clone()
    copy.reshape({port: [side.get_max_length() for side in port.get_partial_shape()] for port in copy.inputs})
    return copy


def example(graph: Any) -> dict[str, np.ndarray]:
    """Return zeros for each input of an encoder or a decoder, with two points."""
    zeros = {}
    for name, port in names_of(graph.inputs).items():
        sides = [side.get_max_length() for side in port.get_partial_shape()]
        shape = [min(side, 2) for side in sides] if name in (POINTS, LABELS) else sides
        zeros[name] = np.zeros(shape, dtype_of(port, name))
    return zeros


def _bytes(output: Any, name: str, kind: str) -> int:
    shape = output.get_partial_shape()
    sides = [-1] if shape.rank.is_dynamic else [side.get_max_length() for side in shape]
    if any(side < 0 for side in sides):
        raise ModelError(f"{name} makes a tensor by a {kind} whose size is not known before a prediction")
    return math.prod(sides) * max(1, int(output.get_element_type().size))


def _paths(folder: Path, parameters: Parameters) -> list[Path]:
    """Return the two files: those that are named, or all that there are."""
    files = {file.name: file for file in sorted(folder.iterdir()) if file.is_file() and not made_by_macos(file.name)}
    named = [name for name in (parameters.encoder, parameters.decoder) if name]
    for name in named:
        if name not in files:
            raise ModelError(f"the parameters of model.json name {name!r}, and there is no such file beside it")
    others = [name for name in files if name.lower().endswith(".onnx") and name not in named]
    names = named if len(set(named)) == 2 else named + others
    if len(set(names)) != 2:
        found = ", ".join(others[:5]) or "none"
        raise ModelError(
            f"a pair of an encoder and a decoder is needed, and the .onnx files are {found}: name two by the "
            "parameters encoder and decoder in model.json"
        )
    return [files[name] for name in names]


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        first = file.read(4096)
        file.seek(max(0, path.stat().st_size - 8))
        kind = other_kinds.of_bytes(first, file.read(8))
        if kind and "ONNX" not in kind:
            raise ModelError(f"{path.name} is no ONNX model: {kind}")
        file.seek(0)
        if _holds(file, _ADDRESS):
            raise ModelError(f"{path.name} refers to data in memory, which no file can hold")
    try:
        # Read, not memory-mapped: truncating a mapped file kills the process.
        return openvino.Core().read_model(path, config={"ENABLE_MMAP": False})
    except RuntimeError as error:
        if memory.lacking(error):
            raise
        reason = next(
            (words for pattern, words in _REASONS if pattern.search(str(error))), "it is cut short or damaged"
        )
        raise ModelError(f"{path.name} cannot be read as ONNX: {reason}") from error


def _holds(file: BinaryIO, text: bytes) -> bool:
    """Return True if `text` is in the rest of a file."""
    last = b""
    while chunk := file.read(_CHUNK):
        if text in last + chunk:
            return True
        last = chunk[-len(text) :]
    return False


def _pair(encoder: Any, decoder: Any, first: str, second: str, parameters: Parameters) -> Pair:
    image = image_input(encoder, first, parameters)
    inputs = {name: port for name, port in names_of(decoder.inputs).items() if name != SIZE}
    made = _embeddings(encoder, inputs)
    known = {POINTS, LABELS, MASK, HAS_MASK, *made}
    for name in inputs:
        if name not in known:
            raise ModelError(f"{second} has an input {name!r}, and {first} has no such output: they are no pair")
    for name in (LABELS, EMBEDDINGS):
        if name not in inputs:
            raise ModelError(f"{second} lacks the input {name!r} of a prompt decoder")
    encoder = openvino.Model([port.get_node() for port in made.values()], [encoder.inputs[0].get_node()], "encoder")
    shapes = [tuple(output.get_shape()) for output in largest(encoder).outputs]
    decoder = _cut(decoder, second, image.long_side)
    decoder.reshape(_shapes(inputs, dict(zip(made, shapes, strict=True)), second))
    taken = {
        name: Input(dtype_of(port, second), tuple(-1 if d.is_dynamic else d.get_length() for d in port.partial_shape))
        for name, port in names_of(decoder.inputs).items()
    }
    return Pair(encoder, decoder, (first, second), image, taken, tuple(made))


def _embeddings(encoder: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the encoder's output for each of the decoder's inputs that one is for, that of `image_embeddings` first.

    It is the output of the same name, or for `image_embeddings` the first that fits.
    """
    outputs = names_of(encoder.outputs)
    made = {name: outputs[name] for name in inputs if name in outputs}
    if EMBEDDINGS in inputs and EMBEDDINGS not in made:
        shape = inputs[EMBEDDINGS].get_partial_shape()
        others = [port for port in encoder.outputs if not port.get_names() & made.keys()] or encoder.outputs
        fitting = [port for port in others if port.get_partial_shape().compatible(shape)]
        made[EMBEDDINGS] = (fitting or others)[0]
    return {name: made[name] for name in sorted(made, key=lambda name: name != EMBEDDINGS)}


def _cut(decoder: Any, name: str, side: int) -> Any:
    """Return a decoder that makes low-resolution masks and scores, or if it has none of the former whole masks.

    Whole masks are asked for in the square that the encoder sees, whatever the picture: 12 megapixels take 48 MB each.
    """
    size = names_of(decoder.inputs).get(SIZE)
    if size is not None:
        constant = openvino.op.Constant(np.full(2, side, dtype_of(size, name)))
        size.get_node().output(0).replace(constant.output(0))
    outputs = names_of(decoder.outputs)
    masks = outputs.get(LOW_RES) or outputs.get(MASKS)
    if masks is None:
        raise ModelError(f"{name} makes {', '.join(outputs)[:200]}; a prompt decoder makes {LOW_RES} or {MASKS}")
    results = [masks, outputs[SCORES]] if SCORES in outputs else [masks]
    taken = [port.get_node() for port in decoder.inputs if SIZE not in port.get_names()]
    return openvino.Model([port.get_node() for port in results], taken, "decoder")


def _shapes(inputs: Mapping[str, Any], made: Mapping[str, tuple[int, ...]], name: str) -> dict[str, Any]:
    """Return the shape of each input of a decoder: one picture, one prompt, any number of points up to a limit."""
    tokens = openvino.Dimension(1, MAX_TOKENS)
    mask = [MASK_SCALE * side for side in made[EMBEDDINGS][-2:]]
    last = {POINTS: [tokens, 2], LABELS: [tokens], MASK: mask, HAS_MASK: []}
    shapes = {}
    for one, port in inputs.items():
        shape = port.get_partial_shape()
        wanted = list(made[one]) if one in made else _filled(lengths(shape, len(last[one]) + 1), last[one])
        shapes[one] = openvino.PartialShape(wanted)
        if not shape.compatible(shapes[one]):
            raise ModelError(f"{name} takes {one} of {shape}, and it would be given {shapes[one]}")
    return shapes


def _filled(sides: list[int], last: list[Any]) -> list[Any]:
    """Return sides of an input, whose free ones are the `last`, and 1 before those."""
    usual = [1] * (len(sides) - len(last)) + last
    return [other if side < 0 else side for side, other in zip(sides, usual, strict=False)]
