"""Where a request comes from."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest

# What one subscriber is given. Source: RFC 6177; with single addresses counted, everybody has 2^64 tries.
_IPV6_SITE = 64


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address, or None when nobody says it.

    Over its socket our edge says who asks, in a header that it sets whatever a client has sent: one address. Whoever
    comes by TCP is taken for what the connection says, and its header for nothing.
    """
    peer = request.META.get("REMOTE_ADDR") or request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = _parse(peer)
    return str(address) if address else None


def network_of(address: str | None) -> str:
    """Return what counts as one client: an IPv4 address, or a /64 of IPv6; all who are unknown are one."""
    found = _parse(address or "")
    return str(ip_network((found, _IPV6_SITE), strict=False)) if isinstance(found, IPv6Address) else str(found)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))
    return found
