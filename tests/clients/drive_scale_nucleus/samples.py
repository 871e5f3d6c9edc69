"""Objects of every kind, with values that a store could spoil: whole and broken numbers, unicode, nulls, nesting."""

from typing import Any

from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    KeypointsAnnotation,
    KeypointsPrediction,
    LineAnnotation,
    LinePrediction,
    MultiCategoryAnnotation,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    Segment,
    SegmentationAnnotation,
    SegmentationPrediction,
)
from nucleus.annotation import Keypoint

METADATA: dict[str, Any] = {
    "größe": [1, 1.0, -0.0, 1e-7, 9007199254740993, None, True, ""],
    "tief": {"日本": {"a/b": [[], {}]}, "e": 2.718281828459045},
    'quo"te': "back\\slash\nline\ttab \U0001f600",
}
PDF = {"car": 0.25, "vän": 0.75, "zero": 0, "one": 1}
OUTLINE = [(3, 4), (30.5, 4.25), (10, 40), (7.125, 39)]
SKELETON = {"names": ["nose", "höger", "hidden"], "skeleton": [[0, 1], [1, 2]]}


def box(reference_id: str, annotation_id: str | None, **fields: Any) -> BoxPrediction:
    """A box of one reading, unless `fields` say otherwise."""
    corner = {"label": "car", "x": 1, "y": 2.5, "width": 3.0, "height": 40}
    return BoxPrediction(**(corner | {"reference_id": reference_id, "annotation_id": annotation_id} | fields))


def polygon(reference_id: str, annotation_id: str | None, **fields: Any) -> PolygonPrediction:
    """A polygon whose points are in an order of their own."""
    shape = {"label": "roof", "vertices": [Point(x, y) for x, y in OUTLINE]}
    return PolygonPrediction(**(shape | {"reference_id": reference_id, "annotation_id": annotation_id} | fields))


def mask(reference_id: str, annotation_id: str | None, url: str) -> SegmentationPrediction:
    """A segmentation of two segments, one with metadata."""
    segments = [Segment("road", 1), Segment("väg", 200, METADATA)]
    return SegmentationPrediction(url, segments, reference_id, annotation_id)


def predictions(reference_id: str) -> list[Any]:
    """Predictions of every kind, with and without confidence, class_pdf and metadata.

    One has no id: the client takes no second one for the same item.
    """
    sure = {"confidence": 0.25, "class_pdf": PDF, "metadata": METADATA}
    points = [Point(x, y) for x, y in OUTLINE]
    keypoints = [Keypoint(1, 2.5, True), Keypoint(3.0, 4, False), Keypoint(None, None, False)]
    return [
        box(reference_id, "box 1/é", **sure),
        box(reference_id, None, x=0, y=0, width=0, height=0.5, confidence=0),
        box(reference_id, "plain", label="", confidence=1, track_reference_id="track 7", embedding_vector=[0.5, 1]),
        polygon(reference_id, "polygon 1", **sure),
        polygon(reference_id, "polygon 2", confidence=1.0),
        LinePrediction("lane", points[:2], reference_id, annotation_id="line 1", **sure),
        KeypointsPrediction("person", keypoints, **SKELETON, reference_id=reference_id, **sure),
        CuboidPrediction(
            "van", Point3D(1, 2.0, -3), Point3D(4, 5, 6.5), 3.14, reference_id, annotation_id="c 1", **sure
        ),
        CuboidPrediction("van", Point3D(1, 2, 3), Point3D(4, 5, 6), -1, reference_id),
        CategoryPrediction("sunny", reference_id, **sure),
        CategoryPrediction("rain", reference_id, taxonomy_name="väder", confidence=0.5),
        mask(reference_id, "mask 1", "s3://bucket/mask.png"),
    ]


def annotations(reference_id: str) -> list[Any]:
    """Ground truth of every kind."""
    more: dict[str, Any] = {"reference_id": reference_id, "metadata": METADATA}
    points = [Point(x, y) for x, y in OUTLINE]
    keypoints = [Keypoint(1, 2.5, True), Keypoint(None, None, False), Keypoint(3.0, 4, True)]
    return [
        BoxAnnotation("car", 1, 2.5, 3.0, 40, annotation_id="truth/1 é", **more),
        PolygonAnnotation("roof", points, annotation_id="truth 2", **more),
        LineAnnotation("lane", points[:2], annotation_id="truth 3", **more),
        KeypointsAnnotation("person", keypoints, **SKELETON, annotation_id="truth 4", **more),
        CuboidAnnotation("van", Point3D(1, 2.0, -3), Point3D(4, 5, 6.5), 3.14, annotation_id="truth 5", **more),
        CategoryAnnotation("sunny", **more),
        MultiCategoryAnnotation(["wet", "våt"], taxonomy_name="väder", **more),
        SegmentationAnnotation("gs://bucket/m.png", [Segment("road", 0)], reference_id, annotation_id="truth 6"),
    ]


def named(objects: list[Any], like: list[Any]) -> list[Any]:
    """Set ids that the server gave on `objects` that were sent without one, as those of `like` have them."""
    for sent, found in zip(objects, like, strict=True):
        if getattr(sent, "annotation_id", "") is None:
            sent.annotation_id = found.annotation_id
    return objects
