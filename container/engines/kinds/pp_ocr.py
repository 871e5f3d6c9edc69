"""PP-OCR: three small ONNX networks that read text in some fifty languages, as the package rapidocr carries them.

Of the package only the files are used; what finds and cuts out text is in `ops.text`. They run on the CPU by OpenVINO.
"""

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from container.engines.base import Architecture, architectures, check_published
from container.engines.runtime import Runtime, openvino_installed
from container.engines.text import Networks, TextEngine
from container.errors import ModelError
from container.structures import ModelSpec, is_part

PACKAGE, WEIGHTS = "rapidocr", "PP-OCRv6"
_FIND, _LEVEL, _READ = "PP-OCRv6_det_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx", "PP-OCRv6_rec_small.onnx"


class PPOCR(Architecture):
    """Networks of an installed package, so that there is nothing to fetch; a folder of it holds model.json alone."""

    kind = "reading of text"
    pretrained = (WEIGHTS,)
    takes_folder = True  # not one weights file
    # Measured in MB: 310 loaded, 1,120 after a page, 1,250 after pages of 40 sizes.
    memory_reserve = 1200 << 20

    def pack(self, spec: ModelSpec, folder: Path) -> None:
        """Write nothing, as the package has the weights; ModelError for a file of them."""
        _check_none(spec)

    def load(self, spec: ModelSpec, runtime: Runtime) -> TextEngine:
        """Compile the networks; ModelError with a one-line reason."""
        _check_none(spec)
        check_published(spec)
        folder = _folder()
        bf16 = runtime.dtype is torch.bfloat16
        find, level, read = (_compiled(folder / name, bf16) for name in (_FIND, _LEVEL, _READ))
        return TextEngine(spec, Networks(find, level, read, _characters(folder / _READ)))


def _check_none(spec: ModelSpec) -> None:
    """Raise ModelError for weights in a file or a folder."""
    if isinstance(spec.weights, Path):
        files = spec.weights.rglob("*") if spec.weights.is_dir() else [spec.weights]
        if any(is_part(file.name) for file in files):
            raise ModelError(f"{spec.architecture} has the weights {WEIGHTS} of the package {PACKAGE}, and no others")


def _folder() -> Path:
    """Return the folder of the files, without importing the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations or not openvino_installed():
        raise ModelError(f"reading of text needs the packages {PACKAGE} and openvino: pip install {PACKAGE} openvino")
    folder = Path(found.submodule_search_locations[0]) / "models"
    if missing := [name for name in (_FIND, _LEVEL, _READ) if not (folder / name).is_file()]:
        raise ModelError(
            f"the installed {PACKAGE} has no {missing[0]}; another version of it has: see requirements.txt"
        )
    return folder


def _compiled(file: Path, bf16: bool) -> Any:
    """Return a network that takes uint8 1×H×W×3 RGB."""
    from container.engines.openvino_core import compiled_behind, inferred, openvino  # may not be installed

    steps = openvino.preprocess.PrePostProcessor(openvino.Core().read_model(file))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().tensor().set_color_format(openvino.preprocess.ColorFormat.RGB)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    to_model = steps.input().preprocess()
    to_model.convert_element_type(openvino.Type.f32).convert_color(openvino.preprocess.ColorFormat.BGR)
    to_model.mean(127.5).scale(127.5)
    return partial(_run, compiled_behind(steps.build(), torch.get_num_threads(), bf16), inferred)


def _run(request: Any, inferred: Any, pixels: np.ndarray) -> np.ndarray:
    (found,) = inferred(request, {"x": pixels})
    return np.asarray(found, np.float32)


def _characters(file: Path) -> list[str]:
    """Return the characters that a network reads, which its file names one a line; the space comes last."""
    from container.engines.openvino_core import openvino

    named = openvino.Core().read_model(file).get_rt_info(["framework", "character"]).astype(str)
    return [*named.split("\n"), " "]


architectures.add("pp_ocr", PPOCR())
