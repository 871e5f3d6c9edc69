"""The files of a form, each bound to its object by order: masks to segmentations, pictures to items."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from flask import Request

from container.errors import BadRequest
from container.protocols.nucleus.bodies import shown
from container.protocols.nucleus.forms import Part, read_files, spool
from container.store.blobs import Blob
from container.store.database import Connection
from container.store.store import Store
from container.web.forms import MEDIA_TYPE

_PICTURES = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif", "image/bmp", "image/tiff")
_PNG = b"\x89PNG\r\n\x1a\n"


@contextmanager
def received(request: Request, folder: Path) -> Generator[tuple[BinaryIO, list[Part] | None]]:
    """Give the JSON of a body and the files beside it; None for a body that is no form; see `spool`."""
    if request.mimetype == MEDIA_TYPE:
        with read_files(request, folder) as form:
            yield form.document, form.files
    else:
        with spool(request, folder) as file:
            yield file, None


class Attachments:
    """Files in their order, none for a body that is no form; each object that has one takes the next."""

    def __init__(self, files: Sequence[Part] | None, address: str) -> None:
        """`files` is None for a body that is no form; `address` is the member of an object that names its file."""
        self.expected = files is not None
        self._files = files or ()
        self._address = address
        self._next = 0

    def begin(self) -> None:
        """Bind the files anew, from the first one."""
        self._next = 0

    def next(self, value: Any) -> str:
        """Return the SHA-256 of the file of the next object.

        Raises BadRequest where there is no further file, or it is called otherwise than the object says.
        """
        if self._next == len(self._files):
            raise BadRequest(f"the form has {len(self._files)} files, and more objects that need one")
        file = self._files[self._next]
        self._next += 1
        sent = value.get(self._address) if isinstance(value, dict) else None
        if file.filename and isinstance(sent, str) and sent != file.filename:
            raise BadRequest(
                f"file {self._next - 1} of the form is {shown(file.filename)}, and the {self._address} of that object "
                f"{shown(sent)}; files come in the order of their objects"
            )
        return file.sha256

    def check_all_bound(self) -> None:
        """Raise BadRequest if there are files beyond those that were taken."""
        if self._next != len(self._files):
            raise BadRequest(f"the form has {len(self._files)} files for {self._next} objects")

    def check_png(self) -> None:
        """Raise BadRequest if a file is no PNG."""
        for number, file in enumerate(self._files):
            with file.path.open("rb") as opened:
                if opened.read(len(_PNG)) != _PNG:
                    raise BadRequest(f"file {number} of the form, {shown(file.filename)}, is no PNG")

    def keep(self, store: Store) -> None:
        """Keep the files as blobs, durably."""
        store.blobs.keep({file.sha256: file.path for file in self._files})

    def add(self, connection: Connection, store: Store) -> None:
        """Write the rows of the blobs."""
        kinds = {file.sha256: file for file in self._files}.values()
        store.blobs.add(connection, [Blob(file.sha256, file.size, _media_type(file)) for file in kinds])


def _media_type(file: Part) -> str:
    """Return the type that a file is sent back as: a picture, or nothing that a browser would show."""
    kind = file.media_type.partition(";")[0].strip().lower()
    return kind if kind in _PICTURES else "application/octet-stream"
