"""Which addresses are the Internet's, and which are inside."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Not `is_global`, which holds NAT64, 6to4, multicast and site-local addresses for the Internet's.
# Sources: IANA's registries of special-purpose addresses; RFC 6890.
REFUSED_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # This host.
        "10.0.0.0/8",
        "100.64.0.0/10",  # Behind a provider's NAT.
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's agent: a public address that every machine there has to itself.
        "169.254.0.0/16",  # Also where clouds tell their machines' credentials.
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # Relays of 6to4.
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # All but 2000::/3, which alone is handed out: loopback, NAT64, unique local, link local, site local, multicast.
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",  # Teredo and other protocols' own.
        "2001:db8::/32",
        "2002::/16",  # 6to4, with any IPv4 address inside.
        "3fff::/20",
    )
)


def is_refused(address: Address, *, allowed: Sequence[Network]) -> bool:
    """Tell whether an address is inside: this machine's, its network's, or nobody's on the Internet."""
    plain = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    if any(plain in network for network in allowed):
        return False
    return any(plain in network for network in REFUSED_NETWORKS) or _is_own(plain)


def _is_own(address: Address) -> bool:
    """Tell whether it is one of this machine's, on which more listens than the Internet is let through to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Of UDP: nothing is sent, the system only chooses what it would send from.
            probe.connect((str(address), 9))
            return bool(probe.getsockname()[0] == str(address))
    except OSError:
        return False  # No way there at all: connecting says so.
