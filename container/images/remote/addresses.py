"""A check that an IP address, and any IPv4 address embedded in it, is public."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Special ranges of IANA's registries that Python 3.11's `is_global` considers public.
_SPECIAL = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, deprecated
    IPv6Network("2001::/23"),  # protocol assignments; Teredo, within it, is judged by its embedded addresses
    IPv6Network("3fff::/20"),  # documentation
)
_LAST_32_BITS = (
    IPv6Network("::/96"),  # IPv4-compatible
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated
    IPv6Network("64:ff9b::/96"),  # NAT64
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # the upper half of the interface identifier


def is_public(text: str) -> bool:
    """Return True if the address, and every IPv4 address embedded in it, is public."""
    try:
        return _is_public(ip_address(text))
    except ValueError:
        return False


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback:
        # NAT64 and the mapped forms lie in reserved blocks; the embedded address decides
        if isinstance(address, IPv4Address) or not any(address in network for network in _LAST_32_BITS):
            return False
    special = any(address in network for network in _SPECIAL)
    if isinstance(address, IPv4Address):
        return address.is_global and not special
    if address.scope_id is not None:
        return False
    inside = list(_embedded(address))
    if not all(map(_is_public, inside)):
        return False
    if any(address in network for network in _LAST_32_BITS):
        return True
    teredo_or_6to4 = address.teredo is not None or address.sixtofour is not None
    return address in _GLOBAL_UNICAST and (teredo_or_6to4 or (address.is_global and not special))


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    if any(address in network for network in _LAST_32_BITS) or number >> 32 & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
