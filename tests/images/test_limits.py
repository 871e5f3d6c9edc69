"""The limits themselves."""

import pytest

from container.errors import PayloadTooLarge, Unprocessable
from container.images.base import Limits
from container.images.decode import check_bytes, check_pixels, check_scans


@pytest.mark.parametrize(
    "host", ["*", "*.example.com", "https://example.com", "example.com/", "a b", "", "a:443", "ä.de"]
)
def test_only_host_names_are_listed(host: str) -> None:
    with pytest.raises(ValueError, match="allowed: host names"):
        Limits(url_hosts=(host,))


@pytest.mark.parametrize(
    "host", ["example.com", ".example.com", "images-1.example.com", "localhost", "8.8.8.8", "2001:db8::1"]
)
def test_host_names(host: str) -> None:
    assert Limits(url_hosts=(host,)).url_hosts == (host,)


def test_each_limit_is_still_allowed_itself() -> None:
    limits = Limits(max_pixels=12, max_scans=2, max_body_bytes=5)
    check_pixels(3, 4, limits)
    check_scans(2, 12, limits)
    check_bytes(5, limits)
    with pytest.raises(PayloadTooLarge, match="13x1 = 13 pixels; at most 12"):
        check_pixels(13, 1, limits)
    with pytest.raises(PayloadTooLarge, match="3 scans; at most 2"):
        check_scans(3, 12, limits)
    with pytest.raises(PayloadTooLarge, match="6 bytes long; at most 5"):
        check_bytes(6, limits)
    with pytest.raises(Unprocessable, match="0x4"):
        check_pixels(0, 4, limits)


@pytest.mark.parametrize(
    ("pixels", "allowed"),
    [
        pytest.param(1, 100, id="one"),
        pytest.param(15_000_000, 100, id="large"),
        pytest.param(25_000_000, 60, id="larger"),
        pytest.param(50_000_000, 30, id="largest"),
        pytest.param(200_000_000, 7, id="four-times-the-effort"),
    ],
)
def test_large_pictures_may_have_fewer_scans(pixels: int, allowed: int) -> None:
    check_scans(allowed, pixels, Limits())
    with pytest.raises(PayloadTooLarge, match=f"{allowed + 1} scans; at most {allowed}"):
        check_scans(allowed + 1, pixels, Limits())
