"""From COCO folders to a model that can be served."""
