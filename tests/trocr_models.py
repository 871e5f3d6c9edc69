"""Tiny TrOCR models of transformers' own classes, and what transformers answers for them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.language_models import tokenizer

SIDE = 32  # pixels that the network sees
DECODER = {
    "vocab_size": 64,
    "d_model": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 32,
    "decoder_start_token_id": 1,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def tiny_trocr(folder: Path, encoder: str = "vit", seed: int = 0, **decoder: Any) -> Path:
    """Write a TrOCR as save_pretrained does into `folder`, but for the pooler, as published ones; return that."""
    from transformers import (
        AutoConfig,
        DeiTImageProcessor,
        TrOCRConfig,
        TrOCRProcessor,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTImageProcessor,
    )

    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    seeing = AutoConfig.for_model(encoder, image_size=SIDE, patch_size=8, **sizes)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(seeing, TrOCRConfig(**{**DECODER, **decoder}))
    torch.manual_seed(seed)
    module = VisionEncoderDecoderModel(config)
    with torch.no_grad():
        for one in module.parameters():
            if one.dim() > 1:
                one.normal_(0, one[0].numel() ** -0.5)
        module.decoder.get_input_embeddings().weight[:8] = 0  # of special tokens: texts do not end at once
    module.encoder.pooler = None
    module.generation_config.decoder_start_token_id = 1
    module.save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    images = {"vit": ViTImageProcessor, "deit": DeiTImageProcessor}[encoder](size=square, crop_size=square)
    TrOCRProcessor(images, tokenizer()).save_pretrained(folder)
    return folder


def direct(folder: Path, pixels: np.ndarray, most: int = 30) -> str:
    """What transformers reads in uint8 H×W×3 pixels, as its documentation calls it.

    Sinusoidal places of tokens are computed here: `from_pretrained` of 5.24 leaves them without memory.
    """
    from transformers import TrOCRProcessor, VisionEncoderDecoderModel

    processor = TrOCRProcessor.from_pretrained(folder)
    module = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    for part in module.modules():
        if type(part).__name__ == "TrOCRSinusoidalPositionalEmbedding":
            part.weights = part.get_embedding(len(part.weights), part.embedding_dim, part.padding_idx)
    seen = processor(images=np.array(pixels), input_data_format="channels_last", return_tensors="pt").pixel_values
    with torch.no_grad():
        found = module.generate(seen, max_new_tokens=most)
    return str(processor.batch_decode(found, skip_special_tokens=True)[0]).strip()
