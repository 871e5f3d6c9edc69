"""Blocks that draw: their fields as clients know them, and what each field does to literal pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.errors import DeadlineExceeded, PayloadTooLarge
from container.workflows import kinds
from container.workflows.blocks._visualization import Visualization
from container.workflows.definition import convert
from container.workflows.errors import StepFailed
from container.workflows.manifest import REQUIRED, blocks
from container.workflows.values import Detections, Frame, Picture
from tests.workflows.blocks.rows import WHOLE, found, picture, run

PURPLE, RED, PINK = (163, 81, 251), (255, 64, 64), (255, 161, 160)  # the first three of the palette DEFAULT
COLORS = {"color_palette": "DEFAULT", "palette_size": 10, "custom_colors": (), "color_axis": "CLASS"}
LABEL = {
    "text": "Class",
    "text_position": "TOP_LEFT",
    "text_color": "WHITE",
    "text_scale": 1.0,
    "text_thickness": 1,
    "text_padding": 10,
    "border_radius": 0,
}
FIELDS: dict[str, dict[str, Any]] = {
    "bounding_box_visualization@v1": {**COLORS, "thickness": 2, "roundness": 0},
    "label_visualization@v1": {**COLORS, **LABEL},
    "label_visualization@v2": {**COLORS, **LABEL, "text_size_mode": "Manual"},
    "mask_visualization@v1": {**COLORS, "opacity": 0.5},
    "color_visualization@v1": {**COLORS, "opacity": 0.5},
    "polygon_visualization@v1": {**COLORS, "thickness": 2},
    "polygon_visualization@v2": {**COLORS, "thickness": 2},
    "halo_visualization@v1": {**COLORS, "opacity": 0.8, "kernel_size": 40},
    "halo_visualization@v2": {**COLORS, "opacity": 0.8, "kernel_size": 40},
    "blur_visualization@v1": {"kernel_size": 15, "padding": 0},
    "pixelate_visualization@v1": {"pixel_size": 20},
    "background_color_visualization@v1": {"color": "BLACK", "opacity": 0.5},
    "crop_visualization@v1": {**COLORS, "position": "TOP_CENTER", "scale_factor": 2.0, "border_thickness": 2},
    "corner_visualization@v1": {**COLORS, "thickness": 4, "corner_length": 15},
    "circle_visualization@v1": {**COLORS, "thickness": 2},
    "ellipse_visualization@v1": {**COLORS, "thickness": 2, "start_angle": -45, "end_angle": 235},
    "dot_visualization@v1": {**COLORS, "position": "CENTER", "radius": 4, "outline_thickness": 0},
    "triangle_visualization@v1": {
        **COLORS,
        "position": "TOP_CENTER",
        "base": 10,
        "height": 10,
        "outline_thickness": 0,
    },
}
OF_MASKS = ("mask_visualization@v1", "polygon_visualization@v2", "halo_visualization@v2")  # nothing without masks
COLORED = [name for name, fields in FIELDS.items() if "color_palette" in fields]
BOX = (20.0, 20.0, 50.0, 45.0)


def seen(boxes: int = 1, **how: Any) -> Detections:
    """One detection of class 0 with a mask, or two that overlap, or none."""
    both = [BOX, (40.0, 30.0, 70.0, 55.0)][:boxes]
    return found(*both, **{"masks": both, "classes": [0, 1][:boxes], **how})


def draw(name: str, scene: Picture | None = None, predictions: Detections | None = None, **given: Any) -> np.ndarray:
    scene = picture() if scene is None else scene
    predictions = seen() if predictions is None else predictions
    result = run(f"roboflow_core/{name}", image=scene, predictions=predictions, **given)["image"]
    assert result.frame == scene.frame and result.pixels.dtype == np.uint8
    return np.asarray(result.pixels)


def plain() -> Picture:
    return Picture(np.full((*WHOLE.size, 3), 100, np.uint8), WHOLE)


@pytest.mark.parametrize("name", FIELDS)
def test_fields_and_defaults(name: str) -> None:
    block = blocks[f"roboflow_core/{name}"]
    given = {one.name: one.default for one in block.fields}
    assert given == {"image": REQUIRED, "predictions": REQUIRED, "copy_image": True, **FIELDS[name]}
    assert block.ids[0] == f"roboflow_core/{name}"
    alias = "".join(word.capitalize() for word in name.split("@")[0].split("_"))
    assert (blocks[alias] is block) == name.endswith("v1") and block.ids[1:] == (alias,) * name.endswith("v1")
    assert block.fields[0].aliases == ("images",) and block.outputs[0].name == "image"
    assert all(kinds.MASKS in one.kinds for one in block.fields if one.name == "predictions")


@pytest.mark.parametrize("name", FIELDS)
def test_every_default_is_a_value_that_is_taken(name: str) -> None:
    for one in blocks[f"roboflow_core/{name}"].fields:
        if one.takes is not None:
            value = convert(one, one.default)
            assert convert(one, value) == value  # a step's output may be converted already


@pytest.mark.parametrize("name", FIELDS)
def test_a_copy_leaves_the_picture_and_no_copy_does_not(name: str) -> None:
    before, scene = picture(), picture()
    copied = draw(name, scene)
    np.testing.assert_array_equal(scene.pixels, before.pixels)
    assert (copied != before.pixels).any()
    drawn = draw(name, scene, copy_image=False)
    assert drawn is scene.pixels
    np.testing.assert_array_equal(drawn, copied)


@pytest.mark.parametrize("name", FIELDS)
def test_a_picture_that_cannot_be_drawn_on_is_copied(name: str) -> None:
    fixed, by_columns = picture(), Picture(np.asfortranarray(picture().pixels), WHOLE)
    fixed.pixels.flags.writeable = False
    for scene in (fixed, by_columns):
        np.testing.assert_array_equal(draw(name, scene, copy_image=False), draw(name))


@pytest.mark.parametrize("name", FIELDS)
def test_room_is_asked_for_copies_only(name: str) -> None:
    asked: list[int] = []
    draw(name, room=asked.append)
    assert asked == [60 * 80]
    asked.clear()
    draw(name, copy_image=False, room=asked.append)
    assert asked == ([60 * 80] if name.startswith("crop") else [])  # it reads pixels that it has drawn on

    def refuse(pixels: int) -> None:
        raise PayloadTooLarge("no room")

    with pytest.raises(PayloadTooLarge):
        draw(name, room=refuse)


@pytest.mark.parametrize("name", FIELDS)
def test_where_nothing_is_found_the_picture_is_the_same(name: str) -> None:
    scene = picture()
    for masks in (list[Any](), None):
        result = run(f"roboflow_core/{name}", image=scene, predictions=found(masks=masks))["image"]
        assert (result is scene) == (not name.startswith("background"))


@pytest.mark.parametrize("name", FIELDS)
def test_without_masks_boxes_are_drawn_or_nothing(name: str) -> None:
    drawn = draw(name, predictions=seen(masks=None))
    assert (drawn == picture().pixels).all() == (name in OF_MASKS)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("masks", [True, False])
def test_boxes_may_be_anywhere(name: str, masks: bool) -> None:
    boxes: list[tuple[float, ...]] = [
        (-30, -30, 10, 10),
        (70, 50, 500, 500),
        (-90, -90, -50, -50),
        (90, 10, 95, 20),
        (30, 30, 30, 40),
    ]
    boxes += [(-1e6, -1e6, 1e6, 1e6), (0, 0, 0.3, 0.3), (0, 0, 80, 60)]
    mine = [tuple(np.clip(box, 0, [80, 60, 80, 60])) for box in boxes] if masks else None
    predictions = found(*boxes, masks=mine)
    choices: dict[str, Any] = {"text": "Dimensions", "text_position": "CENTER", "position": "CENTER"}
    if masks:
        choices |= {"text_position": "CENTER_OF_MASS", "position": "CENTER_OF_MASS"}
    draw(name, predictions=predictions)
    draw(name, predictions=predictions, **{field: choices[field] for field in choices if field in FIELDS[name]})


@pytest.mark.parametrize("name", [name for name in FIELDS if not name.startswith(("background", "crop", "label"))])
def test_nothing_far_from_a_detection_changes(name: str) -> None:
    frame = Frame("image", (200, 200))
    scene = Picture(np.full((200, 200, 3), 100, np.uint8), frame)
    box = (80.0, 80.0, 120.0, 120.0)
    changed = (draw(name, scene, found(box, masks=[box], frame=frame)) != 100).any(axis=2)
    if name.startswith(("blur", "pixelate")):  # a picture of one colour stays as it is
        assert not changed.any()
        return
    assert changed.any()
    changed[38:162, 38:162] = False
    assert not changed.any()


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("bounding_box_visualization@v1", {"thickness": 5}),
    ("bounding_box_visualization@v1", {"roundness": 0.5}),
    ("label_visualization@v1", {"text": "Confidence"}),
    ("label_visualization@v1", {"text_position": "BOTTOM_RIGHT"}),
    ("label_visualization@v1", {"text_color": "black"}),
    ("label_visualization@v1", {"text_scale": 0.5}),
    ("label_visualization@v1", {"text_thickness": 3}),
    ("label_visualization@v1", {"text_padding": 3}),
    ("label_visualization@v1", {"border_radius": 6}),
    ("label_visualization@v2", {"text_size_mode": "Automatic"}),
    ("mask_visualization@v1", {"opacity": 0.9}),
    ("color_visualization@v1", {"opacity": 0.9}),
    ("polygon_visualization@v1", {"thickness": 5}),
    ("polygon_visualization@v2", {"thickness": 5}),
    ("halo_visualization@v1", {"opacity": 0.3}),
    ("halo_visualization@v1", {"kernel_size": 10}),
    ("halo_visualization@v2", {"kernel_size": 10}),
    ("blur_visualization@v1", {"kernel_size": 5}),
    ("blur_visualization@v1", {"kernel_size": None}),
    ("blur_visualization@v1", {"padding": 5}),
    ("pixelate_visualization@v1", {"pixel_size": 5}),
    ("background_color_visualization@v1", {"color": "#ff0000"}),
    ("background_color_visualization@v1", {"opacity": 1.0}),
    ("crop_visualization@v1", {"position": "CENTER_LEFT"}),
    ("crop_visualization@v1", {"scale_factor": 1.5}),
    ("crop_visualization@v1", {"border_thickness": 0}),
    ("corner_visualization@v1", {"thickness": 1}),
    ("corner_visualization@v1", {"corner_length": 5}),
    ("circle_visualization@v1", {"thickness": 5}),
    ("ellipse_visualization@v1", {"thickness": 5}),
    ("ellipse_visualization@v1", {"start_angle": 20}),
    ("ellipse_visualization@v1", {"end_angle": 100}),
    ("dot_visualization@v1", {"position": "TOP_LEFT"}),
    ("dot_visualization@v1", {"radius": 9}),
    ("dot_visualization@v1", {"outline_thickness": 2}),
    ("triangle_visualization@v1", {"position": "BOTTOM_RIGHT"}),
    ("triangle_visualization@v1", {"base": 20}),
    ("triangle_visualization@v1", {"height": 20}),
    ("triangle_visualization@v1", {"outline_thickness": 2}),
]


@pytest.mark.parametrize(("name", "given"), CHANGES)
def test_every_field_changes_the_picture(name: str, given: dict[str, Any]) -> None:
    assert (draw(name, **given) != draw(name)).any()


def test_every_field_is_in_the_list_above() -> None:
    named = {(name, field) for name, given in CHANGES for field in given}
    inherited = {("halo_visualization@v2", "opacity")} | {("label_visualization@v2", field) for field in LABEL}
    assert named | inherited == {
        (name, field) for name, fields in FIELDS.items() for field in fields if field not in COLORS
    }


@pytest.mark.parametrize("name", COLORED)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, RED),
        ({"color_axis": "INDEX"}, PURPLE),
        ({"color_palette": "ROBOFLOW"}, PURPLE),
        ({"color_palette": "LEGACY", "color_axis": "INDEX"}, PURPLE),
        ({"color_palette": "CUSTOM", "custom_colors": ["#0000ff", "rgb(0, 200, 0)"]}, (0, 200, 0)),
        ({"color_palette": "CUSTOM", "custom_colors": ["yellow"]}, (255, 255, 0)),
        ({"color_palette": "Matplotlib Tab10"}, (255, 127, 14)),
        ({"color_palette": "Matplotlib Viridis", "palette_size": 2}, (253, 231, 37)),
        ({"color_palette": "Matplotlib Viridis", "palette_size": 1}, (68, 1, 84)),
        ({"color_axis": "TRACK"}, PINK),
    ],
)
def test_colors(name: str, given: dict[str, Any], expected: tuple[int, int, int]) -> None:
    predictions = seen(classes=[1]).with_data("tracker_id", [2])
    strong = {"opacity": 1.0} if "opacity" in FIELDS[name] else {}
    pixels = draw(name, plain(), predictions, **strong, **given).reshape(-1, 3).astype(int)
    assert np.abs(pixels - expected).max(axis=1).min() <= (25 if name.startswith("halo") else 1)
    for other in {PURPLE, RED, PINK} - {expected} if not name.startswith("label") else ():  # letters have edges
        assert np.abs(pixels - other).max(axis=1).min() > 1


@pytest.mark.parametrize("name", COLORED)
def test_classes_and_tracks_below_zero_are_grey(name: str) -> None:
    strong = {"opacity": 1.0} if "opacity" in FIELDS[name] else {}
    by_class = draw(name, plain(), seen(classes=[-1], labels=["a"]), **strong)
    by_track = draw(name, plain(), seen(labels=["a"]).with_data("tracker_id", [None]), color_axis="TRACK", **strong)
    np.testing.assert_array_equal(by_class[..., 0], by_class[..., 2])
    np.testing.assert_array_equal(by_class, by_track)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        *((name, {"color_axis": "TRACK"}, "color_axis is TRACK, and there are no tracker ids") for name in COLORED),
        *((name, {"color_palette": "CUSTOM"}, "CUSTOM, and custom_colors is empty") for name in COLORED),
        ("dot_visualization@v1", {"position": "CENTER_OF_MASS"}, "position is CENTER_OF_MASS, and there are no masks"),
        ("label_visualization@v1", {"text_position": "CENTER_OF_MASS"}, "and there are no masks"),
        ("label_visualization@v1", {"text": "Tracker Id"}, "text is Tracker Id, and detections have no tracker_id"),
        ("label_visualization@v2", {"text": "Time In Zone"}, "have no time_in_zone"),
        ("label_visualization@v1", {"text": "Area (mask)"}, "have no area_px"),
        ("label_visualization@v1", {"text": "Area (converted)"}, "have no area_converted"),
    ],
)
def test_what_does_not_go_together_is_said(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(StepFailed, match=message.replace("(", "\\(").replace(")", "\\)")) as raised:
        draw(name, predictions=seen(masks=None), **given)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thickness", 0),
        ("thickness", 101),
        ("thickness", 1.5),
        ("roundness", 1.1),
        ("color_palette", "Matplotlib Jet"),
        ("color_axis", "class"),
        ("palette_size", 0),
        ("palette_size", 1001),
        ("custom_colors", ["#ff0000", "reddish"]),
        ("custom_colors", "#ff0000"),
        ("custom_colors", [[0, 0, 256]]),
        ("copy_image", 1),
    ],
)
def test_wrong_literals_are_refused_in_one_line(field: str, value: object) -> None:
    one = next(one for one in blocks["BoundingBoxVisualization"].fields if one.name == field)
    with pytest.raises(ValueError, match=f"^{field}(:| is) .+$"):
        convert(one, value)


@pytest.mark.parametrize(("side", "width"), [(200, 2), (640, 4), (1500, 6), (3500, 12)])
def test_lines_may_go_by_the_size_of_the_picture(side: int, width: int) -> None:
    frame = Frame("image", (side, side))
    scene = Picture(np.zeros((side, side, 3), np.uint8), frame)
    box = (0.25 * side, 0.25 * side, 0.75 * side, 0.75 * side)
    drawn = draw("bounding_box_visualization@v1", scene, found(box, frame=frame), thickness=None)
    assert 0 <= int(drawn[side // 2, : side // 2].any(axis=1).sum()) - width <= 1


def test_values_of_steps_are_checked_when_they_come() -> None:
    block = blocks["BoundingBoxVisualization"]
    row = {one.name: one.default for one in block.fields} | {"image": picture(), "predictions": seen()}
    for wrong in ({"thickness": "wide"}, {"color_palette": 7}, {"custom_colors": [1]}, {"predictions": "none"}):
        with pytest.raises(StepFailed, match=next(iter(wrong))):
            block.run(row | wrong, None)  # type: ignore[arg-type]


def test_detections_of_a_crop_are_drawn_in_the_whole_picture_and_back() -> None:
    whole = plain()
    crop = whole.crop("crop", 30, 10, 80, 60)
    box = (5.0, 5.0, 25.0, 25.0)
    drawn = draw("bounding_box_visualization@v1", whole, found(box, masks=[box], frame=crop.frame), thickness=1)
    rows, columns = np.nonzero((drawn == PURPLE).all(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (35, 15, 54, 34)
    back = draw("mask_visualization@v1", crop, seen(), opacity=1.0)
    rows, columns = np.nonzero((back == PURPLE).all(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (0, 10, 19, 34)
    other = Frame("other", (60, 80))
    with pytest.raises(StepFailed, match="other"):
        draw("mask_visualization@v1", whole, found(box, masks=[box], frame=other))


def test_drawings_add_up() -> None:
    scene = plain()
    first = run("MaskVisualization", image=scene, predictions=seen(), opacity=1)["image"]
    second = run("BoundingBoxVisualization", image=first, predictions=seen(2), color_axis="INDEX")["image"]
    assert [second.pixels[y, x].tolist() for y, x in ((35, 30), (54, 60))] == [[*PURPLE], [*RED]]
    assert (scene.pixels == 100).all()


@pytest.mark.parametrize("name", FIELDS)
def test_a_deadline_ends_the_drawing(name: str) -> None:
    def refuse() -> None:
        raise DeadlineExceeded("too late")

    with pytest.raises(DeadlineExceeded), cancelled_by(refuse):
        draw(name)


@pytest.mark.parametrize("name", [block.ids[0] for block in blocks.values() if isinstance(block, Visualization)])
def test_no_block_is_forgotten_here(name: str) -> None:
    assert name.removeprefix("roboflow_core/") in {*FIELDS, "keypoint_visualization@v1"}  # has tests of its own


def compare(**given: Any) -> np.ndarray:
    one, other = found((10, 10, 40, 40)), found((20, 20, 50, 50), masks=[(20, 20, 50, 50)])
    name = "roboflow_core/model_comparison_visualization@v1"
    return np.asarray(run(name, image=plain(), predictions_a=one, predictions_b=other, **given)["image"].pixels)


def test_two_models_are_compared() -> None:
    drawn = compare()
    colors = [drawn[15, 15], drawn[45, 45], drawn[55, 70], drawn[30, 30]]
    assert [color.tolist() for color in colors] == [[30, 208, 30], [208, 30, 30], [30, 30, 30], [100, 100, 100]]
    given = {"color_a": "blue", "color_b": "#00ffff", "background_color": "rgb(9, 9, 9)", "opacity": 1}
    drawn = compare(**given)
    colors = [drawn[15, 15], drawn[45, 45], drawn[55, 70], drawn[30, 30]]
    assert [color.tolist() for color in colors] == [[0, 0, 255], [0, 255, 255], [9, 9, 9], [100, 100, 100]]


def test_a_comparison_asks_for_room_and_draws_on_the_picture_if_told_to() -> None:
    asked: list[int] = []
    compare(room=asked.append)
    compare(copy_image=False, room=asked.append)
    assert asked == [60 * 80]
    nothing = found()
    scene = plain()
    run(
        "roboflow_core/model_comparison_visualization@v1",
        image=scene,
        predictions_a=nothing,
        predictions_b=replace(nothing),
        copy_image=False,
        opacity=1,
    )
    assert not scene.pixels.any()
