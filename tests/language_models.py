"""Tiny language models with pictures, of the real classes with random weights, as `save_pretrained` writes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<image>", "<video>", "<row_1_col_1>", "<fake_token_around_image>")
WORDS = (
    "what is in the picture ? a cat dog red blue green sits on of answer user assistant yes no two three hello there "
    "caption en it . , : one and describe this"
).split()
SIDE, PATCH = 28, 14  # pixels of the picture that they see, and of its parts
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} : "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}PICTURE{% else %}{{ part['text'] }}"
    "{% endif %} {% endfor %}</s>{% endfor %}{% if add_generation_prompt %}assistant :{% endif %}"
)
TEXT = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}

QWEN = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
QWEN_IDS = {"image_token_id": 8, "video_token_id": 9, "vision_start_token_id": 10, "vision_end_token_id": 11}


def tokenizer(*more: str, **named: Any) -> Any:
    """A tokenizer that knows a few words; `more` are further special tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [*SPECIAL, *more]
    known = {word: i for i, word in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=special[4:],
        **named,
    )


def tiny_llava(folder: Path, seed: int = 0) -> Path:
    """A CLIP and a Llama."""
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **VISION},
        text_config={"model_type": "llama", **TEXT},
        image_token_index=4,
        image_seq_length=4,
    )
    square = {"height": SIDE, "width": SIDE}
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square),
        tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE.replace("PICTURE", "<image>"),
    )
    return _written(folder, LlavaForConditionalGeneration, config, processor, seed)


def tiny_qwen2_vl(folder: Path, seed: int = 0) -> Path:
    """Positions in the picture go through the whole network."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    config = Qwen2VLConfig(
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": PATCH},
        text_config={**TEXT, "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        **QWEN_IDS,
    )
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=112 * 112),
        tokenizer(*QWEN),
        Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE.replace("PICTURE", " ".join((QWEN[2], QWEN[0], QWEN[3]))),
    )
    return _written(folder, Qwen2VLForConditionalGeneration, config, processor, seed)


def tiny_idefics3(folder: Path, seed: int = 0) -> Path:
    """The class of SmolVLM: a picture is seen whole and in parts."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    more = ("<global-img>", "<end_of_utterance>")
    config = Idefics3Config(
        vision_config=VISION,
        text_config={"model_type": "llama", **TEXT},
        image_token_id=4,
        scale_factor=2,
        pad_token_id=0,
    )
    processor = Idefics3Processor(
        Idefics3ImageProcessor(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}),
        tokenizer(*more),
        image_seq_len=1,
        chat_template=TEMPLATE.replace("PICTURE", "<image>"),
    )
    return _written(folder, Idefics3ForConditionalGeneration, config, processor, seed)


def tiny_paligemma(folder: Path, seed: int = 0) -> Path:
    """A SigLIP and a Gemma, without a chat template."""
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessor,
    )

    config = PaliGemmaConfig(
        vision_config={"model_type": "siglip_vision_model", **VISION, "projection_dim": 32, "vision_use_head": False},
        text_config={"model_type": "gemma", **TEXT, "head_dim": 16},
        image_token_index=4,
        projection_dim=32,
    )
    images = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    images.image_seq_length = (SIDE // PATCH) ** 2
    return _written(folder, PaliGemmaForConditionalGeneration, config, PaliGemmaProcessor(images, tokenizer()), seed)


def tiny_qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    """Parts of the picture see others in a window."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    vision = {"depth": 2, "hidden_size": 32, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 64}
    config = Qwen2_5_VLConfig(
        vision_config={**vision, "patch_size": PATCH, "window_size": 56, "fullatt_block_indexes": [1]},
        text_config={**TEXT, "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        **QWEN_IDS,
    )
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=112 * 112),
        tokenizer(*QWEN),
        Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE.replace("PICTURE", " ".join((QWEN[2], QWEN[0], QWEN[3]))),
    )
    return _written(folder, Qwen2_5_VLForConditionalGeneration, config, processor, seed)


def tiny_qwen3_vl(folder: Path, seed: int = 0) -> Path:
    """What the layers of the picture see goes into several layers of the text."""
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    vision = {"depth": 2, "hidden_size": 32, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 64}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True, "rope_theta": 10000.0}
    config = Qwen3VLConfig(
        vision_config={**vision, "patch_size": PATCH, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
        text_config={**TEXT, "head_dim": 16, "rope_parameters": rope},
        **QWEN_IDS,
    )
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=112 * 112, patch_size=PATCH),
        tokenizer(*QWEN),
        Qwen3VLVideoProcessor(),
        chat_template=TEMPLATE.replace("PICTURE", " ".join((QWEN[2], QWEN[0], QWEN[3]))),
    )
    return _written(folder, Qwen3VLForConditionalGeneration, config, processor, seed)


def tiny_gemma3(folder: Path, seed: int = 0) -> Path:
    """A SigLIP and a Gemma 3."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessor, Gemma3Processor

    config = Gemma3Config(
        vision_config={**VISION, "model_type": "siglip_vision_model", "vision_use_head": False},
        text_config={**TEXT, "head_dim": 16, "sliding_window": 64},
        mm_tokens_per_image=4,
        boi_token_index=8,
        eoi_token_index=9,
        image_token_index=10,
    )
    more = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    processor = Gemma3Processor(
        Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE}),
        tokenizer(*more.values(), **more),
        image_seq_length=4,
        chat_template=TEMPLATE.replace("PICTURE", more["boi_token"]),
    )
    return _written(folder, Gemma3ForConditionalGeneration, config, processor, seed)


def tiny_llava_onevision(folder: Path, seed: int = 0) -> Path:
    """A SigLIP and a Qwen 2: a picture is seen whole and in parts."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    pinpoints = [[SIDE, SIDE], [2 * SIDE, 2 * SIDE], [SIDE, 2 * SIDE]]
    config = LlavaOnevisionConfig(
        vision_config={**VISION, "model_type": "siglip_vision_model", "vision_use_head": False},
        text_config={"model_type": "qwen2", **TEXT},
        image_token_index=4,
        video_token_index=5,
        image_grid_pinpoints=pinpoints,
    )
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=pinpoints),
        tokenizer(),
        LlavaOnevisionVideoProcessor(),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE.replace("PICTURE", "<image>"),
    )
    return _written(folder, LlavaOnevisionForConditionalGeneration, config, processor, seed)


def tiny_florence2(folder: Path, seed: int = 0) -> Path:
    """A DaViT and a BART, which has an encoder; without a chat template."""
    from transformers import CLIPImageProcessor, Florence2Config, Florence2ForConditionalGeneration, Florence2Processor

    vision = {"depths": [1, 1], "patch_size": [7, 3], "patch_stride": [4, 2], "patch_padding": [3, 1]}
    text = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 128}
    ids = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "forced_eos_token_id": 2}
    config = Florence2Config(
        vision_config={
            **vision,
            "patch_prenorm": [False, True],
            "embed_dim": [16, 32],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "window_size": 4,
            "projection_dim": 32,
        },
        text_config={"model_type": "bart", **text, **heads, **ids, "decoder_start_token_id": 2},
        image_token_id=4,
        is_encoder_decoder=True,
    )
    images = CLIPImageProcessor(size={"height": 64, "width": 64}, do_center_crop=False)
    images.image_seq_length = 65
    processor = Florence2Processor(images, tokenizer(image_token="<image>"), num_additional_image_tokens=1)
    return _written(folder, Florence2ForConditionalGeneration, config, processor, seed)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "llava": tiny_llava,
    "qwen2_vl": tiny_qwen2_vl,
    "idefics3": tiny_idefics3,
    "paligemma": tiny_paligemma,
    "qwen2_5_vl": tiny_qwen2_5_vl,
    "qwen3_vl": tiny_qwen3_vl,
    "gemma3": tiny_gemma3,
    "llava_onevision": tiny_llava_onevision,
    "florence2": tiny_florence2,
}


def _written(folder: Path, network: Any, config: Any, processor: Any, seed: int) -> Path:
    """Write a model of a few random numbers; other `seed`s are other models."""
    torch.manual_seed(seed)
    model = network(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def direct(folder: Path, pixels: Any, prompt: str, most: int, **template: Any) -> str:
    """What transformers itself answers: the example of its documentation."""
    import PIL.Image
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    picture = PIL.Image.fromarray(pixels)
    if processor.chat_template:
        content = [{"type": "image", "image": picture}, {"type": "text", "text": prompt}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            **template,
        )
    else:
        inputs = processor(text=prompt, images=picture, return_tensors="pt")
    found = model.generate(**inputs, max_new_tokens=most, do_sample=False)
    start = 0 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    return str(processor.decode(found[0, start:], skip_special_tokens=True)).strip()


def change(file: Path, **values: Any) -> None:
    """Set values at the top of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
