"""Objects by their s3:// address: in S3, or in a folder that stands for it."""

from container.objects._base import Store
from container.objects.folder import Folder
from container.objects.location import Location
from container.objects.s3 import S3

__all__ = ["S3", "Folder", "Location", "Store"]
