"""Custom attributes: what is read, what is refused, what is only echoed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.errors import BadRequest
from container.protocols.sagemaker.negotiation import Negotiation
from container.structures import Appearance, Options

NEGOTIATION = Negotiation()


def test_the_keys_are_those_of_the_contract() -> None:
    ours = {"response_type", "format", "on_error", "reference_id"}
    assert set(NEGOTIATION.attributes) == ours | set(vars(Options())) | set(vars(Appearance()))


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("", Options()),
        ('{"confidence": 0.25}', Options(confidence=0.25)),
        ('{"confidence": 0}', Options(confidence=0.0)),
        ('{"confidence": null}', Options()),
        ('{"iou_threshold": 1, "max_detections": 5}', Options(iou_threshold=1.0, max_detections=5)),
        ('{"class_filter": ["dog", "cat"]}', Options(class_filter=("dog", "cat"))),
        ('{"class_filter": "dog"}', Options(class_filter=("dog",))),
        ('{"class_agnostic_nms": true, "max_candidates": 3000}', Options(class_agnostic_nms=True, max_candidates=3000)),
        ('{"mask_decode_mode": "fast"}', Options(mask_decode_mode="fast")),
        ('{"tradeoff_factor": 0.5}', Options(tradeoff_factor=0.5)),
    ],
)
def test_options(header: str, options: Options) -> None:
    assert NEGOTIATION.parse(header).options() == options


@pytest.mark.parametrize(
    ("header", "appearance"),
    [
        ('{"masks": "rle"}', Appearance(masks="rle")),
        ('{"render": "cutout", "opacity": 0.2}', Appearance(render="cutout", opacity=0.2)),
        ('{"jpeg_quality": 75}', Appearance(jpeg_quality=75)),
        ('{"line_width": 5}', Appearance(line_width=5)),
        ('{"line_width": null}', Appearance()),
        ('{"draw_boxes": false, "draw_labels": false}', Appearance(draw_boxes=False, draw_labels=False)),
    ],
)
def test_appearance(header: str, appearance: Appearance) -> None:
    assert NEGOTIATION.parse(header).appearance() == appearance


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("{", "looks like JSON and is not"),
        ('{"confidence": NaN}', "looks like JSON and is not"),
        ('{"a":' * 1500, "looks like JSON and is not"),
        (
            '{"response_type": "gif"}',
            'response_type is "gif"; it takes one of "", "json", "jpeg", "jpg", "png", "jsonlines"',
        ),
        ('{"confidence": 2}', "confidence is 2; it takes a number from 0 to 1"),
        ('{"confidence": 1e999}', "confidence is Infinity"),
        ('{"confidence": true}', "confidence is true"),
        ('{"confidence": "0.5"}', 'confidence is "0.5"'),
        ('{"max_detections": 0}', "max_detections is 0; it takes a whole number from 1 to 100000"),
        ('{"max_detections": 1e12}', "whole number"),
        ('{"max_detections": 1e999}', "whole number"),
        ('{"line_width": 0}', "line_width is 0; it takes a whole number from 1 to 100"),
        ('{"line_width": 2.5}', "line_width is 2.5"),
        ('{"jpeg_quality": 101}', "jpeg_quality is 101; it takes a whole number from 1 to 100"),
        ('{"skip_masks": true, "max_candidates": 2.5}', "max_candidates is 2.5"),
        ('{"class_filter": [1]}', "a list of class names"),
        ('{"draw_boxes": "yes"}', "true or false"),
        ('{"render": "xray"}', '"overlay", "mask", "cutout"'),
        ('{"format": "coco"}', '"clarify"'),
        ('{"masks": ["rle"]}', '"none", "rle", "polygon"'),
    ],
)
def test_refused(header: str, reason: str) -> None:
    with pytest.raises(BadRequest) as caught:
        NEGOTIATION.parse(header)
    assert reason in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("header", ["trace-id=42", "abc", '["a"]', "ünïcode".encode().decode("latin-1")])
def test_opaque_strings_are_kept_for_the_echo(header: str) -> None:
    assert NEGOTIATION.parse(header).trace in (header, "ünïcode")
    assert NEGOTIATION.parse(header).options() == Options()


def test_unknown_keys_are_reported_and_the_known_are_used() -> None:
    parsed = NEGOTIATION.parse('{"threshold": 0.1, "confidence": 0.3}')
    assert (parsed.ignored, parsed.options()) == (("threshold",), Options(confidence=0.3))


def test_the_operators_defaults_lie_under_the_callers() -> None:
    defaults = NEGOTIATION.parse('{"confidence": 0.3, "masks": "rle"}').values
    assert NEGOTIATION.parse("", defaults).values == defaults
    assert NEGOTIATION.parse('{"confidence": 0.9}', defaults).values == {"confidence": 0.9, "masks": "rle"}


@given(
    st.text(max_size=200) | st.text(alphabet='{}[]":,0123456789.eE-truefalsn confidence', max_size=200).map("{".__add__)
)
def test_any_text_is_read_or_refused(header: str) -> None:
    try:
        NEGOTIATION.parse(header)
    except BadRequest as error:
        assert "\n" not in error.message
