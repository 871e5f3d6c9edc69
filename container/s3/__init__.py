"""Objects by their s3:// address: in S3, or in a folder that stands for it."""

from container.s3.location import Location
from container.s3.store import S3, Folder, Store

__all__ = ["S3", "Folder", "Location", "Store"]
