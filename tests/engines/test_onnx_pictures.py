"""How pictures are scaled, padded and laid out for an encoder."""

import numpy as np
import pytest

from container.engines.onnx_parameters import Parameters
from container.engines.onnx_pictures import ImageInput, image_input
from container.engines.openvino_core import openvino
from container.errors import ModelError

FLOAT, BYTES = openvino.Type.f32, openvino.Type.u8
PICTURE = np.full((2, 4, 3), 200, np.uint8)


def taken(sides: list[int], kind: object = FLOAT, **parameters: object) -> ImageInput:
    """What an encoder of a picture with these sides takes; -1 is free."""
    picture = openvino.opset13.parameter(openvino.PartialShape(sides), kind, "picture")
    picture.output(0).set_names({"picture"})
    graph = openvino.Model([openvino.opset13.convert(picture, "f32")], [picture], "encoder")
    return image_input(graph, "encoder.onnx", Parameters(**parameters))


@pytest.mark.parametrize(
    ("sides", "kind", "parameters", "shape", "first", "last"),
    [
        ([1, 3, 4, 4], FLOAT, {}, (1, 3, 4, 4), (200 - 123.675) / 58.395, 0),
        ([-1, 3, 4, 4], FLOAT, {}, (1, 3, 4, 4), (200 - 123.675) / 58.395, 0),
        ([3, 4, 4], FLOAT, {"mean": (0, 0, 0), "std": (255, 255, 255)}, (3, 4, 4), 200 / 255, 0),
        ([-1, 3, -1, -1], FLOAT, {"long_side": 8}, (1, 3, 8, 8), (200 - 123.675) / 58.395, 0),
        ([-1, -1, -1, -1], FLOAT, {"layout": "NCHW", "long_side": 8}, (1, 3, 8, 8), (200 - 123.675) / 58.395, 0),
        ([1, 3, 4, 4], BYTES, {}, (1, 3, 4, 4), 200, 104),  # the rounded mean of blue
        ([4, 4, 3], FLOAT, {}, (4, 4, 3), 200, 103.53),
        ([4, 4, 3], FLOAT, {"mean": (0, 0, 0), "std": (1, 1, 1)}, (4, 4, 3), 200, 0),
        ([-1, -1, 3], FLOAT, {"long_side": 4}, (2, 4, 3), 200, 200),
        ([1, -1, -1, 3], BYTES, {"long_side": 8}, (1, 4, 8, 3), 200, 200),
    ],
)
def test_the_picture_as_an_encoder_takes_it(
    sides: list[int], kind: object, parameters: dict[str, object], shape: tuple[int, ...], first: float, last: float
) -> None:
    image = taken(sides, kind, **parameters)
    height, width = image.fitted(2, 4)
    found = image.filled(PICTURE.repeat(height // 2, 0).repeat(width // 4, 1))
    assert found.shape == shape and found.dtype == (np.uint8 if kind is BYTES else np.float32)
    np.testing.assert_allclose((found.flat[0], found.flat[-1]), (first, last), rtol=1e-5)


@pytest.mark.parametrize(
    ("sides", "size", "fitted"),
    [
        ([1, 3, 1024, 1024], (480, 640), (768, 1024)),
        ([1, 3, 1024, 1024], (640, 481), (1024, 770)),
        ([1, 3, 1024, 1024], (1, 5000), (1, 1024)),
        ([684, 1024, 3], (640, 640), (684, 684)),
        ([-1, -1, 3], (30, 40), (768, 1024)),
    ],
)
def test_the_long_side_is_resized(sides: list[int], size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert taken(sides).fitted(*size) == fitted


@pytest.mark.parametrize(
    ("sides", "kind", "parameters", "message"),
    [
        ([3, 4], FLOAT, {}, "encoder.onnx takes [3,4]; an image encoder takes a picture, NCHW, CHW, NHWC or HWC"),
        ([1, 1, 4, 4], FLOAT, {}, "takes [1,1,4,4], which is no NCHW of one picture; the parameter layout names"),
        ([2, 3, 4, 4], FLOAT, {}, "takes [2,3,4,4], which is no NCHW of one picture"),
        ([4, 4, 3], BYTES, {"mean": (0, 0, 0)}, "takes whole numbers of 0 to 255, so the parameters mean and std have"),
        (
            [1, 3, 4, 4],
            FLOAT,
            {"long_side": 16},
            "the parameter long_side is 16, and encoder.onnx takes pictures of 4×4",
        ),
        ([1, 3, 4, 4], openvino.Type.bf16, {}, "encoder.onnx takes picture of type bf16, which NumPy has not"),
    ],
)
def test_what_is_no_picture(sides: list[int], kind: object, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        taken(sides, kind, **parameters)
    assert message in str(caught.value)
