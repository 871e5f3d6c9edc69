"""The four networks of Open Model Zoo by which gazes are found, as OpenVINO reads them.

No torch: the process that tries them (`graph_trial`) imports this, too.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from container import memory
from container.errors import ModelError

FACES, LANDMARKS = "face-detection-adas-0001", "landmarks-regression-retail-0009"
HEAD, GAZE = "head-pose-estimation-adas-0001", "gaze-estimation-adas-0002"
ANGLES = ("angle_y_fc", "angle_p_fc", "angle_r_fc")  # yaw, pitch and roll of a head
EYES, POSE = ("left_eye_image", "right_eye_image"), "head_pose_angles"
# Shapes of inputs and outputs, by name where there are several; "" for the only one.
_PORTS: dict[str, tuple[dict[str, list[int]], dict[str, list[int]]]] = {
    FACES: ({"": [1, 3, 384, 672]}, {"": [1, 1, 200, 7]}),
    LANDMARKS: ({"": [1, 3, 48, 48]}, {"": [1, 10, 1, 1]}),
    HEAD: ({"": [1, 3, 60, 60]}, {name: [1, 1] for name in ANGLES}),
    GAZE: ({**dict.fromkeys(EYES, [1, 3, 60, 60]), POSE: [1, 3]}, {"": [1, 3]}),
}
NAMES = tuple(_PORTS)
MAX_XML, MAX_BIN = 4 << 20, 64 << 20  # bytes; published ones have 0.25 and 8 MB
PRECISIONS = ("FP32", "FP16")  # folders of the downloader, the first that is there


def is_there(folder: Path) -> bool:
    """Return True for a folder that holds the network of gazes, flat or as the downloader puts it."""
    return (folder / f"{GAZE}.bin").is_file() or (folder / "intel" / GAZE).is_dir()


def graphs(folder: Path, values: Mapping[str, Any], tell: Callable[[str], None] = lambda name: None) -> dict[str, Any]:
    """Read the networks, by name in the order of NAMES, and `tell` the name of each; ModelError with it and the reason.

    `values` are the parameters of model.json, of which there are none.
    """
    if values:
        raise ModelError(
            f"the parameters of model.json are {', '.join(sorted(values))[:100]}; a model of gazes has none"
        )
    read = {}
    for name in NAMES:
        tell(name)
        read[name] = _read(_file(folder, name), name)
    return read


def _file(folder: Path, name: str) -> Path:
    """Return the .xml file of a network that has its .bin file beside it."""
    places = [folder, *(folder / "intel" / name / precision for precision in PRECISIONS)]
    found = next((place / f"{name}.xml" for place in places if (place / f"{name}.xml").is_file()), None)
    if found is None:
        raise ModelError(f"{name}.xml is missing; the folder takes it with {name}.bin, or intel/{name}/FP16/ with both")
    for file, most in ((found, MAX_XML), (found.with_suffix(".bin"), MAX_BIN)):
        if not file.is_file():
            raise ModelError(f"{file.name} is missing beside {found.name}")
        if file.stat().st_size > most:
            raise ModelError(f"{file.name} has {file.stat().st_size >> 20} MB; it takes at most {most >> 20}")
    return found


def _read(path: Path, name: str) -> Any:
    from container.engines.onnx_pictures import names_of  # the names above are of use where OpenVINO is not
    from container.engines.openvino_core import openvino

    try:
        # Read, not memory-mapped: truncating a mapped file kills the process.
        graph = openvino.Core().read_model(path, path.with_suffix(".bin"), config={"ENABLE_MMAP": False})
    except RuntimeError as error:
        if memory.lacking(error):
            raise
        raise ModelError(f"{name} cannot be read by OpenVINO: it is cut short or damaged") from error
    for kind, ports, wanted in zip(("input", "output"), (graph.inputs, graph.outputs), _PORTS[name], strict=True):
        found = {**names_of(ports), "": ports[0]}  # a port may have several names
        if len(ports) != len(wanted) or not wanted.keys() <= found.keys():
            words = ", ".join(filter(None, wanted)) or f"one {kind}"
            raise ModelError(f"{name} has {len(ports)} {kind}s; {words} are wanted: is it another network?")
        for port, shape in wanted.items():
            partial = found[port].get_partial_shape()
            sides = None if partial.is_dynamic else list(partial.to_shape())
            # Releases differ in the sides of 1 that outputs have.
            if sides is None or sides != shape and (kind == "input" or math.prod(sides) != math.prod(shape)):
                raise ModelError(f"{name} has an {kind} of {partial}; {shape} is wanted: is it another network?")
    return graph
