"""Pictures of text, as readers are given them."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
HELLO = "HELLO 42"
SIZES = (14, 24, 48, 160)  # of letters, in pixels


def drawn(*lines: str, size: int = 24) -> Image.Image:
    """Black lines on white, with room around them."""
    font = ImageFont.truetype(FONT, size)
    width = round(max(font.getlength(line) for line in lines))
    picture = Image.new("RGB", (width + 4 * size, (2 * len(lines) + 2) * size), "white")
    for i, line in enumerate(lines):
        ImageDraw.Draw(picture).text((2 * size, (2 * i + 1) * size), line, "black", font)
    return picture


def pixels(picture: Image.Image) -> np.ndarray:
    """uint8 H×W×3 RGB."""
    return np.asarray(picture.convert("RGB"))
