"""Run by the Python that FiftyOne is installed in: reads truth.json of a folder, says what it read, writes it.

Its importer and exporter of COCO's files work without its database, which would start MongoDB.
"""

import json
import sys
from pathlib import Path

from fiftyone.utils.coco import COCODetectionDatasetExporter, COCODetectionDatasetImporter

folder = Path(sys.argv[1])
read: dict[str, list[dict[str, object]]] = {}
for kind, name in (("segmentations", "masks.json"), ("detections", "written.json")):
    importer = COCODetectionDatasetImporter(
        data_path=str(folder / "data"),
        labels_path=str(folder / "truth.json"),
        label_types=[kind],
        include_annotation_id=True,
    )
    exporter = COCODetectionDatasetExporter(
        export_dir=str(folder),
        labels_path=name,
        export_media=False,
        rel_dir=str(folder / "data"),
        annotation_id="coco_id",
    )
    with importer, exporter:
        for path, metadata, labels in importer:
            exporter.export_sample(path, labels, metadata)
            rows = read.setdefault(Path(path).name, [])
            for one in labels.detections if labels else []:
                x, y, width, height = one.bounding_box
                sides = metadata.width, metadata.height
                row = {
                    "label": one.label,
                    "bbox": [x * sides[0], y * sides[1], width * sides[0], height * sides[1]],
                    "iscrowd": one["iscrowd"],
                    "pixels": None if one.mask is None else int(one.mask.sum()),
                }
                if kind == "segmentations":
                    rows.append(row)
                elif not any(known["bbox"] == row["bbox"] for known in rows):
                    rows.append(row)
(folder / "read.json").write_text(json.dumps(read))
