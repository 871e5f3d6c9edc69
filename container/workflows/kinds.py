"""The kinds of values that go from step to step: which output fits which field."""

ANY = "*"
IMAGE = "image"
OBJECTS = "object_detection_prediction"
MASKS = "instance_segmentation_prediction"
RLE_MASKS = "rle_instance_segmentation_prediction"
KEYPOINTS = "keypoint_detection_prediction"
SEMANTIC = "semantic_segmentation_prediction"
CLASSIFICATION = "classification_prediction"
DETECTIONS = (OBJECTS, MASKS, RLE_MASKS, KEYPOINTS)  # what Detections are
STRING = "string"
INTEGER = "integer"
FLOAT = "float"
FRACTION = "float_zero_to_one"
BOOLEAN = "boolean"
LIST = "list_of_values"
DICTIONARY = "dictionary"
CLASS = "top_class"
COLOR = "rgb_color"
ZONE = "zone"
MODEL_ID = "roboflow_model_id"
PROJECT = "roboflow_project"
INFERENCE_ID = "inference_id"
PREDICTION_TYPE = "prediction_type"
PARENT_ID = "parent_id"
CONTOURS = "contours"

# What each is, as `GET /workflows/blocks/describe` tells.
WORDS = {
    ANY: "Any value",
    IMAGE: "A picture",
    OBJECTS: "Boxes with classes and scores",
    MASKS: "Boxes and masks with classes and scores",
    RLE_MASKS: "Boxes and masks with classes and scores; masks are run lengths in answers",
    KEYPOINTS: "Boxes and keypoints with classes and scores",
    SEMANTIC: "The class of every pixel",
    CLASSIFICATION: "Classes of a picture with scores",
    STRING: "A text",
    INTEGER: "A whole number",
    FLOAT: "A number",
    FRACTION: "A number from 0 to 1",
    BOOLEAN: "True or false",
    LIST: "A list",
    DICTIONARY: "An object",
    CLASS: "The name of a class",
    COLOR: "A colour",
    ZONE: "A polygon, [[x, y], …] in pixels",
    MODEL_ID: "The id of a model",
    PROJECT: "The name of a project",
    INFERENCE_ID: "The id of an inference",
    PREDICTION_TYPE: "The task that a prediction is of",
    PARENT_ID: "The id of a picture",
    CONTOURS: "Outlines, [[[x, y], …], …] in pixels",
}


def fits(given: tuple[str, ...], taken: tuple[str, ...]) -> bool:
    """Return True if a value of one of the kinds `given` may be one of those `taken`."""
    return ANY in given or ANY in taken or bool(set(given) & set(taken))
