"""libtiff, which Pillow reads TIFF with, without its own words on standard error.

Without a handler of its own it writes about every damaged file there, in lines that are not ours: other programs could
not read the log, and a caller could fill it. That the file is damaged is answered to the caller.
"""

import ctypes
from contextlib import suppress

from PIL import _imaging


def silence() -> None:
    """No more messages from libtiff in this process."""
    with suppress(AttributeError, OSError):  # a Pillow without libtiff, or with one that it does not share
        libraries = ctypes.CDLL(_imaging.__file__)  # finds what Pillow's own library was linked with, too
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            getattr(libraries, name)(None)
