"""Language models with pictures in folders of Hugging Face's transformers: what is read of them, and what is not.

As in `huggingface`, nothing in a folder is trusted: no code and no pickle is read, known keys alone reach transformers,
and the network is compared with the weights before it gets memory. A chat template is text that transformers renders
without access to Python.
"""

import inspect
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from container.engines.allowance import Allowance, TooLarge
from container.engines.huggingface import (
    CONFIG,
    PROCESSOR,
    SPARE_NUMBERS,
    SPARE_TENSORS,
    check_fit,
    description,
    fill,
    load_class,
    preprocessing,
)
from container.engines.tensor_files import Place
from container.errors import ModelError

TOKENIZER, TOKENIZER_CONFIG, GENERATION = "tokenizer.json", "tokenizer_config.json", "generation_config.json"
TEMPLATE, OLD_TEMPLATE = "chat_template.jinja", "chat_template.json"
MAX_TOKENIZER = 64 << 20  # bytes of tokenizer.json; Gemma's has 33 MB
MAX_LAYERS = 1000
MAX_SIDE = 4096  # pixels of a side that a picture is resized to
MAX_PIXELS = 1 << 24  # of a picture, where a kind names those
# Model types of the parts of a network that may be named in its configuration.
PARTS = (
    *("clip_vision_model", "siglip_vision_model", "siglip2_vision_model", "blip_2_vision_model", "blip_2_qformer"),
    *("vit", "deit", "trocr"),
    *("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "opt", "phi", "phi3", "smollm3", "bart"),
)
# Of configurations besides their own: names of older versions, and what is kept for generation.
_OLD_KEYS = {
    *("rope_theta", "rope_scaling", "partial_rotary_factor", "rope_local_base_freq", "tie_word_embeddings"),
    *("pad_token_id", "bos_token_id", "eos_token_id"),
}
_TOKENIZER_KEYS = {
    *("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"),
    *("additional_special_tokens", "extra_special_tokens", "added_tokens_decoder", "tokenizer_class"),
    *("add_bos_token", "add_eos_token", "add_prefix_space", "legacy", "padding_side", "truncation_side"),
    *("clean_up_tokenization_spaces", "image_token", "boi_token", "eoi_token", "video_token"),
    *("vision_bos_token", "vision_eos_token", "fake_image_token", "global_image_token", "end_of_utterance_token"),
}
_TOKENIZERS = (
    *("TokenizersBackend", "PreTrainedTokenizer", "LlamaTokenizer", "Qwen2Tokenizer", "GemmaTokenizer"),
    *("GPT2Tokenizer", "BartTokenizer", "RobertaTokenizer", "XLMRobertaTokenizer"),
)
# What changes which token comes next in a greedy generation, and where it ends.
_GENERATION_KEYS = {
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id"),
    *("forced_eos_token_id", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens"),
    *("begin_suppress_tokens",),
}


class Family(NamedTuple):
    """Classes of transformers by what their names begin with, and what a prompt is like without a chat template."""

    name: str  # of the network, its configuration and its processor
    images: str  # of the image processor
    video: str = ""  # of what the processor needs besides, and never gets a video for
    usual: str = "Describe this picture."  # the prompt of a request without one
    before: str = ""  # a prompt: the place of the picture; "" where the processor puts it

    @property
    def network(self) -> Any:
        """The class of the network."""
        return load_class(f"{self.name}ForConditionalGeneration")

    @property
    def config(self) -> Any:
        """The class of its configuration."""
        return load_class(f"{self.name}Config")

    @property
    def processor(self) -> Any:
        """The class of its processor."""
        return load_class(f"{self.name}Processor")


def built(
    family: Family,
    given: Mapping[str, Any],
    places: Mapping[str, Place],
    name: str,
    prepare: Callable[[Any], None] = lambda module: None,
) -> Any:
    """Return the network with its weights on the CPU, as float32; ModelError unless these fit its configuration.

    `prepare` changes the network before it gets memory.
    """
    numbers = sum(torch.Size(one.shape).numel() for one in places.values())
    config = _configured(family.config, given, name)
    try:
        with torch.device("meta"), Allowance(2 * numbers + SPARE_NUMBERS, 2 * len(places) + SPARE_TENSORS):
            module = family.network(config).eval().requires_grad_(False)
    except TooLarge:
        raise ModelError(f"{CONFIG} of {name!r} asks for a network that is far larger than its weights") from None
    except Exception as error:  # whatever networks raise for sizes that do not fit each other
        raise ModelError(f"{CONFIG} of {name!r} has values that make no network together") from error
    prepare(module)
    own = _renamed(module, places)
    check_fit(module, own, name)
    fill(module, own, name)
    _compute_rest(module)
    return module


def _configured(made: Any, given: Mapping[str, Any], name: str) -> Any:
    """Return a configuration of the known keys of `given`, which transformers checks."""
    parts = made.sub_configs_defaults
    values = {key: value for key, value in given.items() if key in _keys(made)}
    if "text_config" in parts and values.get("text_config") is None:  # older files have no such part
        inner = parts["text_config"].config_class
        if hasattr(inner, "sub_configs_defaults"):
            values |= {key: value for key, value in given.items() if key in _keys(inner)}
    for key, value in values.items():
        if ("layers" in key or key == "depth") and isinstance(value, int) and value > MAX_LAYERS:
            raise ModelError(f"{key} in {CONFIG} of {name!r} is {value}; at most {MAX_LAYERS} are read")
    for key, part in parts.items():
        inner = values.get(key)
        if isinstance(inner, dict):
            values[key] = _configured(_class_of(part, inner, name), inner, name)
        elif inner is not None:
            raise ModelError(f"{key} in {CONFIG} of {name!r} is no object")
    try:
        return made(**values)
    except Exception as error:  # transformers' own, and those of arithmetic
        raise ModelError(f"{CONFIG} of {name!r} cannot be used: values for {made.__name__}") from error


def _keys(made: Any) -> set[str]:
    base = {one.name for one in fields(load_class("PreTrainedConfig"))}
    return {one.name for one in fields(made)} - base | set(made.attribute_map) | _OLD_KEYS


def _class_of(part: Any, given: Mapping[str, Any], name: str) -> Any:
    """Return the configuration class of a part; ModelError for a kind that is not among PARTS."""
    if part.config_class.__name__ != "AutoConfig":
        return part.config_class
    kind = given.get("model_type", part.model_type)
    if kind not in PARTS:
        raise ModelError(
            f"{CONFIG} of {name!r} has a part of model type {str(kind)[:60]!r}; known are {', '.join(PARTS)}"
        )
    return part.get_config_class(kind)


def _renamed(module: Any, places: Mapping[str, Place]) -> dict[str, Place]:
    """Return the places by the names that this version of transformers has for the tensors."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

    steps, own = get_model_conversion_mapping(module), module.state_dict()
    renamings = [one for one in steps if isinstance(one, WeightRenaming)]
    converters = [one for one in steps if isinstance(one, WeightConverter)]
    prefix = module.base_model_prefix
    found = {name: rename_source_key(name, renamings, converters, prefix, own)[0] for name in places}
    # Older files hold what is computed now.
    return {
        new: places[name]
        for name, new in found.items()
        if new in own or not name.endswith((".inv_freq", ".position_ids"))
    }


def _compute_rest(module: Any) -> None:
    """Compute the tensors that no file holds, such as the frequencies of positions, as transformers does."""
    for tensor in module.state_dict(keep_vars=True).values():
        tensor._is_hf_initialized = True
    for name, buffer in list(module.named_non_persistent_buffers()):
        owner, _, last = name.rpartition(".")
        module.get_submodule(owner).register_buffer(last, torch.empty_like(buffer, device="cpu"), persistent=False)
    module.initialize_weights()


def processor(family: Family, folder: Path, config: Any, name: str, parameters: Mapping[str, Any]) -> Any:
    """Return the processor of a folder; ModelError if its files cannot be used.

    `parameters` are values of the image processor in place of those in the folder.
    """
    described = description(folder / PROCESSOR, name) if (folder / PROCESSOR).exists() else {}
    made = family.processor
    known = set(inspect.signature(made.__init__).parameters) - {
        *("self", "image_processor", "tokenizer", "video_processor", "chat_template", "kwargs"),
        "post_processor_config",
    }
    own = {key: value for key, value in described.items() if key in known}
    _check_sizes(own, MAX_SIDE, PROCESSOR, name)
    parts = {
        "image_processor": images(family, preprocessing(folder, name), name, parameters),
        "tokenizer": tokenizer(folder, config, name),
    }
    if family.video:
        parts["video_processor"] = load_class(f"{family.video}VideoProcessor")()
    if "chat_template" in inspect.signature(made.__init__).parameters:
        own["chat_template"] = _template(folder, described, name)
    try:
        whole = made(**parts, **own)
    except Exception as error:  # whatever transformers raises
        raise ModelError(f"{PROCESSOR} of {name!r} has values that cannot be used") from error
    whole.chat_template = _template(folder, described, name)
    return whole


def images(
    family: Family, given: Mapping[str, Any], name: str, parameters: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """Return the image processor that known keys of its description make; ModelError.

    `parameters` are put over the description, and all of them have to be known.
    """
    kind = str(given.get("image_processor_type", f"{family.images}ImageProcessor")).removesuffix("Fast")
    own = f"{family.images}ImageProcessor"
    if kind != own:
        raise ModelError(f"the image processor of {name!r} is {kind[:60]!r}; {family.name} takes {own}")
    made = load_class(own)
    left_out = {"data_format", "input_data_format", "device", "return_tensors"}
    keys = set(made.valid_kwargs.__annotations__) - left_out
    if unknown := sorted(set(parameters) - keys):
        raise ModelError(f"`parameters` of {name!r} has unknown keys {unknown}; known: {', '.join(sorted(keys))}")
    values = {key: value for key, value in {**given, **parameters}.items() if key in keys}
    _check_sizes(values, MAX_PIXELS if "max_pixels" in keys else MAX_SIDE, "preprocessor_config.json", name)
    try:
        return made(**values)
    except Exception as error:  # as above
        raise ModelError(f"the image processor of {name!r} has values that cannot be used") from error


def _check_sizes(values: Any, most: int, file: str, name: str) -> None:
    """Raise ModelError for a number that would make pictures, or prompts, of any size."""
    for number in _numbers(values):
        if not math.isfinite(number) or abs(number) > most:
            raise ModelError(f"{file} of {name!r} holds the number {number:g}; at most {most} is read")


def _numbers(values: Any) -> Iterator[float]:
    if isinstance(values, int | float):
        yield values
    elif isinstance(values, dict | list):
        for one in values.values() if isinstance(values, dict) else values:
            yield from _numbers(one)


def tokenizer(folder: Path, config: Any, name: str) -> Any:
    """Return the tokenizer: tokenizer.json as it is, and known keys of its configuration."""
    file = folder / TOKENIZER
    if not file.is_file() or file.stat().st_size > MAX_TOKENIZER:
        raise ModelError(
            f"{name!r} holds no {TOKENIZER} of up to {MAX_TOKENIZER >> 20} MB, which transformers' save_pretrained "
            "writes; other vocabularies are not read"
        )
    described = description(folder / TOKENIZER_CONFIG, name) if (folder / TOKENIZER_CONFIG).exists() else {}
    kept = {key: value for key, value in described.items() if key in _TOKENIZER_KEYS}
    kind = str(kept.get("tokenizer_class", _TOKENIZERS[0])).removesuffix("Fast")
    if kind not in _TOKENIZERS:
        raise ModelError(f"the tokenizer of {name!r} is {kind[:60]!r}; known are {', '.join(_TOKENIZERS)}")
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        Path(scratch, TOKENIZER).symlink_to(file.absolute())
        Path(scratch, TOKENIZER_CONFIG).write_text(json.dumps(kept), encoding="utf-8")
        try:
            return load_class("AutoTokenizer").from_pretrained(
                scratch, config=config, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # as above
            raise ModelError(f"{TOKENIZER} of {name!r} cannot be used") from error


def _template(folder: Path, described: Mapping[str, Any], name: str) -> str | None:
    """Return the chat template of a folder, None if it has none."""
    if (folder / TEMPLATE).is_file():
        if (folder / TEMPLATE).stat().st_size > 1 << 20:
            raise ModelError(f"{TEMPLATE} of {name!r} is over 1 MB")
        return (folder / TEMPLATE).read_text(encoding="utf-8", errors="replace")
    given = described
    if (folder / OLD_TEMPLATE).exists():
        given = description(folder / OLD_TEMPLATE, name)
    found = given.get("chat_template")
    return found if isinstance(found, str) else None


def set_generation(module: Any, folder: Path, name: str) -> None:
    """Let `generate` be greedy, and end where generation_config.json or config.json say so; ModelError."""
    if (folder / GENERATION).exists():
        given = description(folder / GENERATION, name)
        values = {key: value for key, value in given.items() if key in _GENERATION_KEYS}
    else:
        values = {key: getattr(module.generation_config, key, None) for key in _GENERATION_KEYS}
    try:
        module.generation_config = load_class("GenerationConfig")(**values, do_sample=False, num_beams=1)
    except Exception as error:  # as above
        raise ModelError(f"{GENERATION} of {name!r} has values that cannot be used") from error
