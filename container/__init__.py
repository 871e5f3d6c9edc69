"""Maskserve: image bytes in; labels, boxes, masks or a rendered picture out."""

__version__ = "0.1.0"
