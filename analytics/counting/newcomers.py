"""Who is new at an address: so much of a minute is believed, whatever it costs nothing to send."""

from collections import Counter as Tally

from analytics.counting.identity import AGENT_READ

_MINUTE_MS = 60_000
# New ids of one address in a minute that are believed; with more, whoever is behind it is told apart by address.
_NEW_IDS_AT_MOST = 120
# And new kinds of software, of one address and of all: to look at one takes as long as to count two hundred lines.
_NEW_AGENTS_AT_MOST, _NEW_AGENTS_OF_ALL_AT_MOST = 60, 2000
_AGENTS_KEPT = 4096


class Newcomers:
    """Those of all addresses of one edge."""

    def __init__(self) -> None:
        self._minute = self._looked_at = 0
        self._ids: Tally[str] = Tally()
        self._agents: Tally[str] = Tally()
        self._known_agents: set[str] = set()

    def may_be_new(self, address: str, at_ms: int) -> bool:
        """Whether another id that comes from there then is believed."""
        self._turn_to(at_ms)
        self._ids[address] += 1
        return self._ids[address] <= _NEW_IDS_AT_MOST

    def agent_of(self, agent: str, address: str, at_ms: int) -> str:
        """Return as what software somebody there is known: shortened, empty where it is another one each time."""
        shown = agent[:AGENT_READ]
        if shown in self._known_agents:
            return shown
        self._turn_to(at_ms)
        self._agents[address] += 1
        if self._agents[address] > _NEW_AGENTS_AT_MOST or self._looked_at >= _NEW_AGENTS_OF_ALL_AT_MOST:
            return ""
        self._looked_at += 1
        if len(self._known_agents) >= _AGENTS_KEPT:
            self._known_agents.clear()
        self._known_agents.add(shown)
        return shown

    def _turn_to(self, at_ms: int) -> None:
        minute = at_ms // _MINUTE_MS
        if minute != self._minute:
            self._ids.clear()
            self._agents.clear()
            self._looked_at = 0
            self._minute = minute
