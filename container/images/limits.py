"""What a picture may declare and a source may fetch, and the refusals that need no decoding.

It knows no image format: `headers` reads what a file declares, this says whether that is too much.
"""

import re
from dataclasses import dataclass, field

from container.errors import PayloadTooLarge, Unprocessable
from container.images.room import Room

_SCANS_OF_LARGEST = 30  # at most 1.5 s for 50 MP
_HOST = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|(?=.*:.*:)[0-9a-f:.]+", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """The limits of one server; ValueError where `url_hosts` holds anything but host names."""

    max_pixels: int = 50_000_000  # of one picture; decoding takes up to about 16 bytes of memory for each
    max_scans: int = 100  # of one JPEG, and at most 30 of one of `max_pixels`; photos have 1 to 14
    max_body_bytes: int = 25 * 1024 * 1024  # of one picture, as sent, decoded from base64 or downloaded
    url_hosts: tuple[str, ...] = ()  # "images.example.com" or ".example.com" (all below it); empty: URL input is off
    url_timeout: float = 10.0  # seconds for one download, name lookup and redirects included
    max_images: int = 256  # of one npy array
    room: Room = field(default_factory=Room, compare=False)  # for decoded pictures

    def __post_init__(self) -> None:
        for host in self.url_hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(
                    f"url_hosts holds {host!r}; allowed: host names, as images.example.com or .example.com"
                )

    def check_pixels(self, width: int, height: int) -> None:
        """PayloadTooLarge over `max_pixels`, Unprocessable where a side is 0."""
        if not (width and height):
            raise Unprocessable(f"the picture has no pixels: {width}x{height}; width and height must be 1 or more")
        if width * height > self.max_pixels:
            raise PayloadTooLarge(
                f"the picture declares {width}x{height} = {width * height} pixels; "
                f"at most {self.max_pixels} are allowed (MASKSERVE_MAX_PIXELS)"
            )

    def check_scans(self, scans: int, pixels: int) -> None:
        """PayloadTooLarge over `max_scans`, of large pictures fewer: each goes over all `pixels` again."""
        allowed = min(self.max_scans, _SCANS_OF_LARGEST * self.max_pixels // pixels)
        if scans > allowed:
            raise PayloadTooLarge(
                f"the JPEG holds {scans} scans; at most {allowed} are allowed for its size "
                f"(MASKSERVE_MAX_SCANS, MASKSERVE_MAX_PIXELS)"
            )

    def check_bytes(self, count: int) -> None:
        """PayloadTooLarge over `max_body_bytes`."""
        if count > self.max_body_bytes:
            raise PayloadTooLarge(
                f"the picture is {count} bytes long; "
                f"at most {self.max_body_bytes} are allowed (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
            )
