"""Run by the Python that supervision is installed in: reads truth.json of a folder, says what it read, writes it."""

import json
import sys
from pathlib import Path

import supervision

folder = Path(sys.argv[1])
dataset = supervision.DetectionDataset.from_coco(str(folder / "data"), str(folder / "truth.json"))
read = {}
for path, found in dataset.annotations.items():
    rows = []
    for place, (left, top, right, bottom) in enumerate(found.xyxy.tolist()):
        pixels = None if found.mask is None else int(found.mask[place].sum())
        rows.append(
            {
                "label": dataset.classes[found.class_id[place]],
                "bbox": [left, top, right - left, bottom - top],
                "area": float(found.data["area"][place]),
                "iscrowd": int(found.data["iscrowd"][place]),
                "pixels": pixels or None,
            }
        )
    read[Path(path).name] = rows
(folder / "read.json").write_text(json.dumps(read))
dataset.as_coco(annotations_path=str(folder / "written.json"))
