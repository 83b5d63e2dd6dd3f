"""Viewers whose players behave as real ones do, with what is true of them: the log that an edge would write.

Everything follows from a seed. Media: segments of `SEGMENT_S`, in low mode of six parts each; sound beside the picture.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

SEGMENT_S, PARTS = 2.0, 6
# As folders of sessions are called.
SESSION = "0f8fad5bd9cb469f"
# When the broadcast began.
BEGAN_S = 1_794_000_000.0
_STEP_S = 0.1
_AHEAD_S = 30.0
_BYTES = 6000
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
)
_APPLE = "AppleCoreMedia/1.0.0.22F76 (iPhone; U; CPU OS 18_5 like Mac OS X; en_us)"
_BOT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"


def media_length_us(msn: int, part: int) -> int:
    """Return what the files say: parts are a third of a second, the last of a segment takes the rest."""
    whole = round(SEGMENT_S * 1_000_000)
    return whole if part < 0 else whole // PARTS + (whole % PARTS if part == PARTS - 1 else 0)


def line(
    at_s: float,
    *,
    slot: str = "v0",
    msn: int,
    part: int = -1,
    session: str = SESSION,
    address: str = "203.0.113.7",
    agent: str = _BROWSERS[0],
    cmcd: str = "",
    apple: str = "",
    viewer: str = "",
    size: int = _BYTES,
    status: int = 200,
) -> bytes:
    """Return a line of the log, without its end."""
    name = f"1-{msn}.m4s" if part < 0 else f"1-{msn}.{part}.m4s"
    fields = {
        "i": f"{msn:016x}{max(part, 0):016x}",
        "t": round(at_s, 3),
        "u": f"/playback/pb_crowd/{session}/{slot}/{name}",
        "s": status,
        "b": size,
        "a": address,
        "g": agent,
        "k": cmcd,
        "q": "",
        "p": apple,
        "v": viewer,
    }
    return json.dumps(fields).encode()


@dataclass
class Person:
    """One viewer; `stays_from`, `stays_until` are when they are there, without their pauses."""

    index: int
    is_low: bool
    came_s: float
    left_s: float
    headers: dict[str, str]
    address: str
    agent: str
    is_dvr: bool = False
    hears_alone: bool = False
    # (from, for so long): the network is away; the viewer has stopped it.
    stalls: list[tuple[float, float]] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    played_s: float = 0.0
    first_s: float = math.inf

    def is_watching(self, at_s: float) -> bool:
        # A player that has paused fills its buffer for a while; it is nobody who watches.
        return self.first_s <= at_s < self.left_s and not any(
            begin <= at_s < begin + length for begin, length in self.pauses
        )

    def lines(self, random: Random) -> Iterator[tuple[float, bytes]]:  # noqa: C901  # A player.
        """Yield what the edge logs of them, as (when, line), and find out how long they play."""
        edge = (self.came_s - BEGAN_S) / SEGMENT_S
        msn = max(0, int(edge) - (40 if self.is_dvr else 1 if self.is_low else 3))
        part = 0 if self.is_low and not self.is_dvr else -1
        buffered = playhead = msn * SEGMENT_S
        slot, busy_until, now, is_playing = "v0", self.came_s + 0.15, self.came_s, False
        while now < self.left_s:
            now += _STEP_S
            is_paused = any(begin <= now < begin + length for begin, length in self.pauses)
            is_offline = any(begin <= now < begin + length for begin, length in self.stalls)
            if is_playing and not is_paused:
                step = min(_STEP_S, buffered - playhead)
                playhead += step
                self.played_s += step
                is_playing = playhead < buffered
            elif not is_playing:
                is_playing = buffered - playhead >= (1.0 if self.is_low else SEGMENT_S)
            if is_offline or now < busy_until or buffered - playhead > _AHEAD_S:
                continue
            if part == 0 and now - BEGAN_S > (msn + 1) * SEGMENT_S + 6:
                part = -1  # Parts of so long ago are in no playlist.
            length = media_length_us(msn, part) / 1e6
            begin = msn * SEGMENT_S + (max(part, 0) * SEGMENT_S / PARTS)
            if now - BEGAN_S < begin + length + (0.1 if part >= 0 else 0.3):
                continue
            took = length * random.uniform(0.05, 0.25)
            busy_until = now + took
            if busy_until >= self.left_s:
                return
            self.first_s = min(self.first_s, busy_until)
            if self.hears_alone:
                yield busy_until, self._line(busy_until, "a0", msn, part)
            else:
                yield busy_until, self._line(busy_until, slot, msn, part)
                if (heard := busy_until + random.uniform(-0.05, 0.05)) < self.left_s:
                    yield heard, self._line(heard, "a0", msn, part)
                if random.random() < 0.01:
                    slot = random.choice(["v0", "v1", "v2"])
                    yield busy_until + 0.05, self._line(busy_until + 0.05, slot, msn, part)
            buffered = begin + length
            if part < 0 or part == PARTS - 1:
                msn += 1
                is_near = now - BEGAN_S < (msn + 1) * SEGMENT_S + 4
                part = 0 if self.is_low and is_near else -1
            else:
                part += 1

    def _line(self, at_s: float, slot: str, msn: int, part: int) -> bytes:
        cmcd, apple = self.headers.get("cmcd", ""), self.headers.get("apple", "")
        return line(at_s, slot=slot, msn=msn, part=part, address=self.address, agent=self.agent, cmcd=cmcd, apple=apple)


def crowd(seed: int, *, people: int, seconds: float, is_low: bool) -> list[Person]:
    """Return viewers who come and go: 70 % hls.js, 18 % Apple's, 12 % without any id, a third behind few addresses."""
    random = Random(seed)  # noqa: S311  # The same each time.
    begin = BEGAN_S + 120
    found = []
    for index in range(people):
        came = begin + random.uniform(0, seconds * 0.6)
        left = min(begin + seconds, came + max(8.0, random.expovariate(1 / 600)))
        kind = random.random()
        sid = f"{random.getrandbits(128):032x}"
        agent = random.choice(_BROWSERS)
        headers: dict[str, str] = {}
        if kind < 0.70:
            headers = {"cmcd": f'cid="pb_crowd",sf=h,sid="{sid}",st=l'}
        elif kind < 0.88:
            headers, agent = {"apple": f"{sid[:8].upper()}-{sid[8:12].upper()}-{sid[12:24].upper()}"}, _APPLE
        is_shared = random.random() < 0.35
        address = f"198.51.100.{random.randrange(6)}" if is_shared else f"10.{index >> 8}.{index & 255}.9"
        person = Person(index, is_low, came, left, headers, address, agent)
        person.is_dvr = bool(headers) and random.random() < 0.05
        person.hears_alone = bool(headers) and random.random() < 0.03
        length = left - came
        if random.random() < 0.15 and length > 40:
            person.stalls.append((came + random.uniform(10, length - 20), random.uniform(2, 8)))
        if random.random() < 0.04 and length > 60:
            person.pauses.append((came + random.uniform(10, length - 40), random.uniform(5, 25)))
        found.append(person)
    return found


def previews_and_liars(seed: int, *, seconds: float, previews: int, forged: int) -> list[tuple[float, bytes]]:
    """Return lines of programs that make previews, and of somebody who calls himself another each time."""
    random = Random(seed + 1)  # noqa: S311  # The same each time.
    found = []
    for index in range(previews + forged):
        at_s = BEGAN_S + 120 + random.uniform(0, seconds)
        msn = int((at_s - BEGAN_S) / SEGMENT_S) - 2
        if index < previews:
            found.append((at_s, line(at_s, msn=msn, address=f"192.0.2.{index % 250}", agent=_BOT)))
        else:
            sid = f'sid="{random.getrandbits(64):x}"'
            found.append((at_s, line(at_s, msn=msn, part=random.randrange(PARTS), address="192.0.2.251", cmcd=sid)))
    return found
