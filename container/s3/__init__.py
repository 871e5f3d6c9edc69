"""Access to objects by s3:// URI, in S3 or in a local folder in its place."""

from container.s3.location import Location
from container.s3.objects import FolderObjects, Objects, S3Objects
from container.s3.store import S3, Folder, Store

__all__ = ["S3", "Folder", "FolderObjects", "Location", "Objects", "S3Objects", "Store"]
