"""Language models with pictures, of families whose classes are transformers' own."""

from pathlib import Path
from typing import Any

from container.engines import base, lmm_folders, tensor_files
from container.engines.base import Architecture, architectures
from container.engines.huggingface import CONFIG, description, read_json, weights
from container.engines.lmm import LmmEngine
from container.engines.lmm_folders import Family
from container.engines.runtime import Runtime
from container.errors import ModelError
from container.structures import ModelSpec

_QWEN = "<|vision_start|><|image_pad|><|vision_end|>"
# By `model_type` of config.json.
FAMILIES = {
    "florence2": Family("Florence2", "CLIP", usual="<CAPTION>"),
    "gemma3": Family("Gemma3", "Gemma3", before="<start_of_image>"),
    "idefics3": Family("Idefics3", "Idefics3", before="<image>"),
    "llava": Family("Llava", "CLIP", before="<image>\n"),
    "llava_onevision": Family("LlavaOnevision", "LlavaOnevision", "LlavaOnevision", before="<image>\n"),
    "paligemma": Family("PaliGemma", "Siglip", usual="caption en"),
    "qwen2_5_vl": Family("Qwen2_5_VL", "Qwen2VL", "Qwen2VL", before=_QWEN),
    "qwen2_vl": Family("Qwen2VL", "Qwen2VL", "Qwen2VL", before=_QWEN),
    "qwen3_vl": Family("Qwen3VL", "Qwen2VL", "Qwen3VL", before=_QWEN),
}


class Lmm(Architecture):
    """Folders that transformers' AutoModelForImageTextToText takes, of the families above."""

    kind = "language with pictures"
    takes_folder = True
    memory_factor = 2.2  # published weights are of half precision, and float32 takes twice their size
    memory_reserve = 1200 << 20

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder whose config.json names one of the families."""
        try:
            return read_json(folder / CONFIG).get("model_type") in FAMILIES
        except (OSError, ValueError, TypeError):
            return False

    def load(self, spec: ModelSpec, runtime: Runtime) -> LmmEngine:
        """Build the network, read its weights, and move it to its device; ModelError with a one-line reason."""
        base.check_published(spec)
        assert isinstance(spec.weights, Path)  # there are no published names
        folder, name = spec.weights, spec.name
        given = description(folder / CONFIG, name)
        family = FAMILIES.get(str(given.get("model_type")))
        if family is None:
            raise ModelError(
                f"{CONFIG} of {name!r} is of model type {str(given.get('model_type'))[:60]!r}; lmm takes "
                f"{', '.join(FAMILIES)}"
            )
        module = lmm_folders.built(family, given, tensor_files.places(weights(folder, name)), name)
        lmm_folders.set_generation(module, folder, name)
        processor: Any = lmm_folders.processor(family, folder, module.config, name, spec.parameters)
        engine = LmmEngine(
            spec, module.to(runtime.device, runtime.dtype), processor, runtime, family.usual, family.before
        )
        engine.check()
        return engine


architectures.add("lmm", Lmm())
