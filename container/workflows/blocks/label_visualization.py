"""Captions of what was found: names, scores, sizes."""

from collections.abc import Callable
from typing import Any

from container.rendering.captions import draw_captions
from container.rendering.text import Style
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    PREDICTIONS,
    TRACKER,
    Scene,
    Visualization,
    color,
    pixels,
    position,
    text_scale,
    word,
)
from container.workflows.errors import StepFailed
from container.workflows.manifest import Field, add
from container.workflows.values import Detections

FONT_SIZE = 30  # pixels at scale 1, whose capitals are 21 high
REFERENCE = 1080  # pixels of the shorter side of a picture in which automatic scales are the given ones
SMALLEST, LARGEST = 0.3, 5.0  # scales of letters that are chosen automatically
_WEIGHTS = 420, 560, 700, 900  # of letters, by thickness


def weight(thickness: int) -> int:
    """Return the weight of letters for a field's thickness."""
    return _WEIGHTS[min(thickness, len(_WEIGHTS)) - 1]


def _dimensions(found: Detections) -> list[str]:
    texts = []
    for left, top, right, bottom in found.instances.boxes.tolist():
        center = f"{int((left + right) / 2)}, {int((top + bottom) / 2)}"
        texts.append(f"{center} {int(right - left)}x{int(bottom - top)}")
    return texts


def _areas(found: Detections) -> list[str]:
    """The pixels of masks, or of boxes where there are no masks."""
    masks, boxes = found.instances.masks, found.instances.boxes
    if masks is not None:
        return [str(int(masks.crop(i)[0].sum())) for i in range(len(found))]
    return [str(int(area)) for area in (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)]


_TEXTS: dict[str, Callable[[Detections], list[str]]] = {
    "Class": lambda found: [*found.instances.labels],
    "Confidence": lambda found: [f"{score:.2f}" for score in found.instances.scores],
    "Class and Confidence": lambda found: [
        f"{label} {score:.2f}" for label, score in zip(found.instances.labels, found.instances.scores, strict=True)
    ],
    "Index": lambda found: [str(i) for i in range(len(found))],
    "Dimensions": _dimensions,
    "Area": _areas,
}
# Texts of members that other blocks add: the member, what stands before its value and behind it, and who adds it.
_MEMBERS = {
    "Area (mask)": ("area_px", "Area (mask): ", "", "a step of mask_area_measurement gives them"),
    "Area (converted)": ("area_converted", "Area (conv): ", "", "a step of mask_area_measurement gives them"),
    "Tracker Id": (TRACKER, "", "", "this server follows no objects from picture to picture"),
    "Time In Zone": ("time_in_zone", "In zone: ", "s", "this server follows no objects from picture to picture"),
}


def texts_of(found: Detections, text: str) -> list[str]:
    """Return the caption of each detection; StepFailed if what it tells is not known."""
    if text in _TEXTS:
        return _TEXTS[text](found)
    member, before, behind, hint = _MEMBERS[text]
    if member not in found.data:
        raise StepFailed(f"text is {text}, and detections have no {member}", hint=hint)
    return [f"{before}{_shown(value)}{behind if value is not None else ''}" for value in found.data[member]]


def _shown(value: Any) -> str:
    if value is None:
        return "N/A"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


class LabelVisualization(Visualization):
    ids: tuple[str, ...] = "roboflow_core/label_visualization@v1", "LabelVisualization"
    title = "Label visualization"
    doc = "Write the name of every detection, or its score, size or number, at its box."
    fields: tuple[Field, ...] = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        word("text", "What is written", (*_TEXTS, *_MEMBERS), "Class"),
        position("text_position", "The point of the box at which it is written", "TOP_LEFT"),
        color("text_color", "The colour of the letters", "WHITE"),
        text_scale("How large the letters are: capitals are 21 pixels high at 1", 1.0),
        pixels("text_thickness", "How bold the letters are, 1 to 4; more is as 4", 1),
        pixels("text_padding", "Pixels between the letters and the border of the label", 10, 0, 500),
        pixels("border_radius", "Radius of the label's corners in pixels, 0 for square ones", 0, 0, 500),
    )

    def draw(self, scene: Scene) -> None:
        values, scale = scene.values, self._scale(scene)
        style = Style(
            weight=weight(values["text_thickness"]),
            padding=round(values["text_padding"] * scale),
            radius=round(values["border_radius"] * scale),
            letters=values["text_color"],
        )
        size = max(1, round(FONT_SIZE * values["text_scale"] * scale))
        points, captions = scene.points("text_position"), texts_of(scene.found, values["text"])
        draw_captions(
            scene.canvas, scene.instances, captions, scene.colors, points, values["text_position"], size, style
        )

    def _scale(self, scene: Scene) -> float:
        """Return how many pixels of the picture a pixel of the fields is."""
        return 1.0


class SizedLabelVisualization(LabelVisualization):
    ids = ("roboflow_core/label_visualization@v2",)
    doc = LabelVisualization.doc[:-1] + ", as large as suits the picture if that is asked for."
    fields = (
        *LabelVisualization.fields,
        word(
            "text_size_mode",
            "Manual takes sizes as they are; Automatic as those for a picture whose shorter side has 1080 pixels, so "
            "that labels grow with the picture",
            ("Manual", "Automatic"),
            "Manual",
        ),
    )

    def _scale(self, scene: Scene) -> float:
        if scene.values["text_size_mode"] == "Manual":
            return 1.0
        wanted = scene.values["text_scale"]
        shown = wanted * min(scene.canvas.shape[:2]) / REFERENCE
        return float(min(max(shown, SMALLEST), LARGEST) / wanted)


add(LabelVisualization())
add(SizedLabelVisualization())
