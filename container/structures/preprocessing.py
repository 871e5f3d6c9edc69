"""What is done to an image before the network, as was done to the images that it was trained on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Contrast = Literal["Contrast Stretching", "Histogram Equalization", "Adaptive Equalization"]
PreprocessingStep = Literal["grayscale", "contrast", "static_crop"]

_CONTRASTS = get_args(Contrast)


@dataclass(frozen=True)
class Preprocessing:
    """The steps before a network; none by default."""

    grayscale: bool = False
    contrast: Contrast | None = None
    static_crop: tuple[float, float, float, float] | None = None  # xyxy in percent of the image

    def __bool__(self) -> bool:
        """Return True if there is any step."""
        return self != Preprocessing()

    def without(self, skip: frozenset[PreprocessingStep]) -> "Preprocessing":
        """Return it without the named steps."""
        return Preprocessing(
            grayscale=self.grayscale and "grayscale" not in skip,
            contrast=None if "contrast" in skip else self.contrast,
            static_crop=None if "static_crop" in skip else self.static_crop,
        )

    def crop_box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the part of an image of (height, width) that is seen, xyxy in pixels: at least one."""
        if self.static_crop is None:
            return 0, 0, size[1], size[0]
        height, width = size
        x1, y1, x2, y2 = (percent / 100 for percent in self.static_crop)
        left, top = min(int(x1 * width), width - 1), min(int(y1 * height), height - 1)
        return left, top, max(int(x2 * width), left + 1), max(int(y2 * height), top + 1)

    def described(self) -> dict[str, Any]:
        """Return the steps there are, as `preprocessing` in model.json has them."""
        return {name: value for name, value in asdict(self).items() if value}


def read(values: Mapping[str, Any]) -> Preprocessing:
    """Return the steps that model.json describes; ValueError in one line."""
    known = [step.name for step in fields(Preprocessing)]
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"unknown keys {unknown}; known: {', '.join(known)}")
    grayscale, contrast, crop = values.get("grayscale", False), values.get("contrast"), values.get("static_crop")
    if not isinstance(grayscale, bool):
        raise ValueError(f"grayscale is {grayscale!r:.60}; it takes true or false")
    if contrast is not None and contrast not in _CONTRASTS:
        raise ValueError(f"contrast is {contrast!r:.60}; it takes one of {', '.join(_CONTRASTS)}")
    if crop is not None and not _is_crop(crop):
        raise ValueError(
            f"static_crop is {crop!r:.60}; it takes [x1, y1, x2, y2] in percent of the picture, "
            "0 to 100, x1 below x2 and y1 below y2"
        )
    return Preprocessing(grayscale, contrast, None if crop is None else (crop[0], crop[1], crop[2], crop[3]))


def _is_crop(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 4:
        return False
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        return False
    return all(0 <= low < high <= 100 for low, high in zip(value[:2], value[2:], strict=True))
