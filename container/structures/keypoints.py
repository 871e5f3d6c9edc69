"""COCO's person: the names of its 17 keypoints in order, and which of them are joined."""

COCO_KEYPOINTS = (
    "nose",
    *("left_eye", "right_eye", "left_ear", "right_ear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)

SKELETON = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8)),
    *((7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)


def keypoint_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` keypoints: COCO's for 17, else keypoint_1, keypoint_2, …"""
    return COCO_KEYPOINTS if count == len(COCO_KEYPOINTS) else tuple(f"keypoint_{i + 1}" for i in range(count))
