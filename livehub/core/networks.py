"""Which addresses are the Internet's, and which are inside; and which ports are not for the web."""

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

# What listens there speaks something else, and whoever may have something sent there could look who has it open, or
# put words into its mouth. Source: WHATWG Fetch, 2.9, port blocking; and what browsers leave to firewalls.
REFUSED_PORTS = frozenset(
    [
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465),
        *(512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995),
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697),
        10080,
        # Windows' shares and desktops, databases, caches and queues.
        *(445, 1433, 1521, 3306, 3389, 5432, 5672, 5900, 6379, 9092, 11211, 27017),
    ]
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
