"""Models in the folders of Hugging Face's transformers: config.json, weights as safetensors, preprocessor_config.json.

Nothing in a folder is trusted: no code and no pickle of it is read, only known keys of its configuration reach
transformers, and a network is built with weights after one without memory has the names and sizes of the file.
"""

import importlib
import inspect
import json
import re
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from container.cancellation import checkpoint
from container.engines import base, tensor_files
from container.engines.allowance import Allowance, LargestResult, TooLarge
from container.engines.base import Architecture, Engine
from container.engines.runtime import Runtime
from container.engines.tensor_files import Place
from container.errors import ModelError
from container.structures import ModelSpec

CONFIG, PREPROCESSOR, PROCESSOR = "config.json", "preprocessor_config.json", "processor_config.json"
WEIGHTS = "model.safetensors"
INDEX = WEIGHTS + ".index.json"  # of weights in several files
MAX_JSON = 1 << 20  # bytes of a configuration; published ones have 20 KB
MAX_FILES = 100  # of weights
SPARE_TENSORS, SPARE_NUMBERS = 64, 1 << 20  # that a network may have besides twice those of its weights
# Bytes of the largest intermediate result. A SAM ViT-H's has 1.07 GB: 4096×4096 attention weights of 16 heads.
MAX_RESULT = 1 << 31
# Keys of an image processor, besides the sizes, which follow from config.json.
_STEPS = ("resample", "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std")


@dataclass(frozen=True)
class Config:
    """A configuration class of transformers, by name, and those of its parts."""

    name: str
    parts: Mapping[str, "Config"] = field(default_factory=dict)


class Folder(Architecture):
    """An architecture of transformers, whose models are folders; kinds name the classes, and make the engine."""

    takes_folder = True
    # Measured peaks in MiB of loading and embedding 1080p on a CPU, by weights: SAM ViT-B 1006 by 358, ViT-L 1977 by
    # 1192, ViT-H 3285 by 2446; SAM 2 tiny 981 by 120, large 1660 by 828. 220 of each are transformers. The factor is
    # between float32 weights and those of half precision, which take twice their size.
    memory_factor = 1.5
    memory_reserve = 900 << 20
    model_types: tuple[str, ...]  # in config.json
    package: str  # of transformers.models
    config: Config
    model: str  # name of the class of the network
    processor: str  # and of the image processor

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder whose config.json names a model type of this architecture."""
        try:
            return read_json(folder / CONFIG).get("model_type") in self.model_types
        except (OSError, ValueError):
            return False

    @abstractmethod
    def side(self, config: Any) -> Any:
        """Return the side in pixels of the square that the network sees, as its configuration has it."""

    @abstractmethod
    def sizes(self, side: int) -> Mapping[str, Any]:
        """Return the sizes for the image processor of a network that sees `side`×`side` pixels."""

    @abstractmethod
    def engine(self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime) -> Engine[Any, Any]:
        """Return the engine of a network on its device."""

    @abstractmethod
    def trial(self, module: Any, side: int) -> None:
        """Run every part of a network on the device `meta`, which computes sizes only."""

    def complete(self, module: Any) -> None:
        """Compute what a network holds beside its weights and no file has; that is without memory before."""

    def load(self, spec: ModelSpec, runtime: Runtime) -> Engine[Any, Any]:
        """Build the network, read its weights, and move it to its device; ModelError with a one-line reason."""
        base.check_published(spec)
        assert isinstance(spec.weights, Path)  # there are no published names
        folder, name = spec.weights, spec.name
        given = description(folder / CONFIG, name)
        if given.get("model_type") not in self.model_types:
            raise ModelError(
                f"{CONFIG} of {name!r} is of model type {str(given.get('model_type'))[:60]!r}; "
                f"{spec.architecture} takes {' or '.join(self.model_types)}"
            )
        places = tensor_files.places(weights(folder, name))
        module, side = self._built(given, places, name)
        processor = self._processor(preprocessing(folder, name), side, name)
        fill(module, places, name)
        self.complete(module)
        return self.engine(spec, module.to(runtime.device), processor, runtime)

    def _built(self, given: Mapping[str, Any], places: Mapping[str, Place], name: str) -> tuple[Any, int]:
        """Return the network without memory, and the side of what it sees; ModelError unless the weights fit it."""
        numbers = sum(torch.Size(one.shape).numel() for one in places.values())
        config = self._configured(self.config, given, name)
        try:
            with torch.device("meta"), Allowance(2 * numbers + SPARE_NUMBERS, 2 * len(places) + SPARE_TENSORS):
                module = load_class(self.model)(config).eval().requires_grad_(False)
            side = self.side(config)
            check_fit(module, places, name)
            with torch.inference_mode(), torch.device("meta"), LargestResult(MAX_RESULT):
                self.trial(module, side)
        except ModelError:
            raise
        except TooLarge:
            raise ModelError(f"{CONFIG} of {name!r} asks for a network that is far larger than its weights") from None
        except Exception as error:  # whatever networks raise for sizes that do not fit each other
            raise ModelError(f"{CONFIG} of {name!r} has values that make no network together") from error
        return module, int(side)

    def _configured(self, config: Config, given: Mapping[str, Any], name: str) -> Any:
        """Return a configuration of the known keys of `given`, which transformers checks."""
        made = load_class(config.name)
        values = {key: value for key, value in given.items() if key in inspect.get_annotations(made)}
        for key, part in config.parts.items():
            if not isinstance(inner := values.get(key) or {}, dict):
                raise ModelError(f"{key} in {CONFIG} of {name!r} is no object")
            values[key] = self._configured(part, inner, name)
        try:
            return made(**values)
        except Exception as error:  # transformers' own, and those of arithmetic
            found = re.search(r"field '(\w+)'", str(error))
            reason = f"{found[1]} of {config.name}" if found else f"values for {config.name}"
            raise ModelError(f"{CONFIG} of {name!r} cannot be used: {reason}") from error

    def _processor(self, given: Mapping[str, Any], side: int, name: str) -> Any:
        sizes = self.sizes(side)
        for key, value in sizes.items():
            if given.get(key) not in (None, value):
                raise ModelError(
                    f"{key} in {PREPROCESSOR} of {name!r} is {str(given[key])[:60]}, and {CONFIG} asks for {value}"
                )
        try:
            processor = load_class(self.processor)(**{key: given[key] for key in _STEPS if key in given}, **sizes)
            black = np.zeros((side, side, 3), np.uint8)
            seen = processor(images=black, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
            if seen.shape != (1, 3, side, side) or not seen.isfinite().all():
                raise ValueError("not what the network sees")
            return processor
        except Exception as error:  # as above
            raise ModelError(f"{PREPROCESSOR} of {name!r} has values that cannot be used") from error


def load_class(name: str) -> Any:
    """Return a class of transformers; the first one takes 3.5 s and 220 MB, a third for torch's compiler."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = importlib.import_module("transformers")
        transformers.logging.set_verbosity_error()
        return getattr(transformers, name)


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a file; OSError, or ValueError."""
    if not file.is_file() or file.stat().st_size > MAX_JSON:
        raise ValueError(f"not a file of at most {MAX_JSON} bytes")
    try:
        content = json.loads(file.read_bytes())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("no object")
    return content


def description(file: Path, name: str) -> dict[str, Any]:
    """Return the object in a file of the model `name`; ModelError."""
    if not file.exists():
        raise ModelError(
            f"{name!r} holds no {file.name}, which transformers' save_pretrained writes beside the weights"
        )
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{file.name} of {name!r} is not a readable JSON object of at most 1 MB") from error


def preprocessing(folder: Path, name: str) -> dict[str, Any]:
    """Return the description of the image processor; empty where there is none."""
    if (folder / PREPROCESSOR).exists():
        return description(folder / PREPROCESSOR, name)
    if (folder / PROCESSOR).exists():  # as transformers writes a whole processor since version 5
        inner = description(folder / PROCESSOR, name).get("image_processor")
        return inner if isinstance(inner, dict) else {}
    return {}


def weights(folder: Path, name: str) -> list[Path]:
    """Return the files with the weights: model.safetensors, those of an index, or the only one; ModelError."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        named = description(folder / INDEX, name).get("weight_map")
        files = sorted({str(file) for file in named.values()}) if isinstance(named, dict) else []
        if not 0 < len(files) <= MAX_FILES or any(PurePosixPath(file).name != file for file in files):
            raise ModelError(f"{INDEX} of {name!r} must have a weight_map of names of 1 to {MAX_FILES} files beside it")
        if missing := [file for file in files if not (folder / file).is_file()]:
            raise ModelError(f"{name!r} lacks {missing[0][:100]!r}, which {INDEX} names")
        return [folder / file for file in files]
    found = [file for file in folder.glob("*.safetensors") if file.is_file()]
    if len(found) != 1:
        raise ModelError(
            f"{name!r} holds no {WEIGHTS}; weights in other files are not read: load the model with transformers, and "
            "save_pretrained writes them so"
        )
    return found


def check_fit(module: Any, places: Mapping[str, Place], name: str) -> None:
    """Raise ModelError for a tensor of the network that the weights lack or have in another size, and for others."""
    own = module.state_dict()
    for tensor, wanted in own.items():
        place = places.get(tensor) or places.get(_tied(module, tensor))
        if place is None:
            raise ModelError(f"weights of {name!r} do not fit its {CONFIG}: {tensor} is missing")
        if place.shape != tuple(wanted.shape):
            given, expected = (("×".join(map(str, one)) or "a scalar") for one in (place.shape, wanted.shape))
            raise ModelError(
                f"weights of {name!r} do not fit its {CONFIG}: {tensor} is {given}, and by {CONFIG} {expected}"
            )
    parts = {part for part, _ in module.named_children()}
    ignored = re.compile("|".join(module._keys_to_ignore_on_load_unexpected or ["(?!)"]))
    for tensor in places:
        # Parts of larger models, such as SAM 2's memory of videos, are passed over; more layers are not.
        if tensor not in own and tensor.partition(".")[0] in parts and not ignored.search(tensor):
            raise ModelError(f"weights of {name!r} do not fit its {CONFIG}, which has no {tensor[:100]}")


def _tied(module: Any, tensor: str) -> str:
    """Return the tensor that another one is the same as, which files may hold once; "" for none."""
    tied: Mapping[str, str] = module.all_tied_weights_keys
    return tied.get(tensor) or next((name for name, source in tied.items() if source == tensor), "")


def fill(module: Any, places: Mapping[str, Place], name: str) -> None:
    """Read the weights into a network that has no memory."""
    state: dict[str, torch.Tensor] = {}
    try:
        for tensor in module.state_dict():
            if (source := tensor if tensor in places else _tied(module, tensor)) not in state:
                state[source] = tensor_files.read(places[source])
            if not all(one.isfinite() for one in state[source].aminmax()):  # without a second tensor
                raise ModelError(f"weights of {name!r} hold values that are not finite, first in {tensor}")
            state[tensor] = state[source]
    except OSError as error:
        raise ModelError(f"weights of {name!r} cannot be read: {error.strerror}") from None
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False)


def check_before_layers(network: torch.nn.Module) -> None:
    """Let each layer of a network ask first whether its answer is still wanted, as `checkpoint` does."""
    for layers in network.modules():
        if isinstance(layers, torch.nn.ModuleList):
            for layer in layers:
                layer.register_forward_pre_hook(lambda *_: checkpoint())
