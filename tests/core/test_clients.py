"""Where a request comes from: believed only from our edge, and counted by what one client has."""

import pytest
from django.test import RequestFactory

from livehub.core.clients import client_address, network_of


def address(peer: str, forwarded: str) -> str | None:
    return client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded}))


class TestClientAddress:
    @pytest.mark.parametrize("told", ["192.0.2.7", "2001:db8::7"])
    def test_is_what_the_edge_says_over_its_socket(self, told: str) -> None:
        assert address("", told) == told

    def test_is_the_peers_for_whoever_comes_by_tcp(self) -> None:
        assert address("192.0.2.7", "198.51.100.1") == "192.0.2.7"

    @pytest.mark.parametrize("told", ["", "unix:", "192.0.2.7, 198.51.100.1", "nonsense"])
    def test_is_unknown_when_nobody_says_it(self, told: str) -> None:
        assert address("", told) is None

    def test_is_written_in_one_way(self) -> None:
        assert address("", "::ffff:192.0.2.7") == "192.0.2.7"
        assert address("", "2001:DB8:0::0007") == "2001:db8::7"


class TestNetworkOf:
    def test_is_an_address_of_ipv4(self) -> None:
        assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.7") != network_of("192.0.2.8")

    def test_is_a_site_of_ipv6(self) -> None:
        assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
        assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")

    def test_is_one_for_all_who_are_unknown(self) -> None:
        assert network_of(None) == network_of("nonsense")
