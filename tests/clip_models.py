"""Tiny CLIP models of transformers' own classes, and what transformers answers for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

SIDE, WIDTH = 32, 24  # pixels that the network sees, numbers of an embedding
MAX_TOKENS = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_MERGES = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("p", "h"), ("o", "t"), ("ph", "ot")]


def tiny_clip(folder: Path, seed: int = 0, plain: bool = False, **processor: Any) -> Path:
    """Write a CLIP as save_pretrained does into `folder`; return that.

    With `plain`, the tokenizer is vocab.json and merges.txt, as older folders have it. `processor` are values of the
    image processor.
    """
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    words = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), *("".join(pair) for pair in _MERGES)]
    vocabulary = {word: i for i, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=_MERGES)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 64}
    config = CLIPConfig(
        text_config={
            **layers,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": MAX_TOKENS,
            "eos_token_id": vocabulary["<|endoftext|>"],
            "bos_token_id": vocabulary["<|startoftext|>"],
        },
        vision_config={**layers, "image_size": SIDE, "patch_size": 8},
        projection_dim=WIDTH,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config)
    with torch.no_grad():
        for one in model.parameters():
            if one.dim() > 1:
                one.normal_(0, one[0].numel() ** -0.5)
    model.save_pretrained(folder)
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    CLIPImageProcessor(**{**sizes, **processor}).save_pretrained(folder)
    if plain:
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        lines = "\n".join(" ".join(pair) for pair in _MERGES)
        (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}\n")
    else:
        tokenizer.save_pretrained(folder)
    return folder


class DirectClip:
    """What transformers answers for a folder, as its documentation calls it."""

    def __init__(self, folder: Path) -> None:
        from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

        self._model = CLIPModel.from_pretrained(folder).eval()
        self._processor = CLIPImageProcessor.from_pretrained(folder)
        self._tokenizer = CLIPTokenizer.from_pretrained(folder)

    def pictures(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """float32 N×D."""
        rows = []
        for pixels in pictures:
            inputs = self._processor(images=np.array(pixels), input_data_format="channels_last", return_tensors="pt")
            with torch.no_grad():
                rows.append(self._model.get_image_features(**inputs).pooler_output[0].numpy())
        return np.stack(rows)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 N×D."""
        rows = []
        for text in texts:
            inputs = self._tokenizer([text], padding=True, return_tensors="pt")
            with torch.no_grad():
                rows.append(self._model.get_text_features(**inputs).pooler_output[0].numpy())
        return np.stack(rows)


def cosines(ones: Any, others: Any) -> np.ndarray:
    """The cosine between each row of two arrays."""
    ones, others = np.array(ones, np.float64), np.array(others, np.float64)
    return (ones * others).sum(1) / np.linalg.norm(ones, axis=1) / np.linalg.norm(others, axis=1)
