"""Who asks the origin whether he may play is answered by what the web program said last, however many ask."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from streams.media.origin import permissions
from streams.media.origin.answers import Reply
from streams.media.origin.batches import UnansweredError
from streams.media.origin.permissions import Permissions
from streams.media.origin.rules import PlaybackPermission, Rules, Viewer
from streams.media.origin.web import Place
from streams.media.viewer_tokens import ViewerToken
from tests.services import HANG_S

_ID, _SHOP = "pb_1", "https://shop.example"
_SECRET = "psk_" + "x" * 44
_PUBLIC = Rules(is_signed=False, allowed_origins=(), own_origin="https://live.example")
_SIGNED = Rules(is_signed=True, allowed_origins=(), own_origin="https://live.example", keys={"key": _SECRET})
_COUNTED = Rules(is_signed=True, allowed_origins=(), own_origin="", places=1, keys={"key": _SECRET})
# Of what JSON can be, more than a parser takes.
_DEEP = urlsafe_b64encode(b"[" * 5000).decode().rstrip("=")


class WebProgram:
    """What knows the rules, and who counts; it can be away."""

    def __init__(self, rules: Rules | None) -> None:
        self.known = {} if rules is None else {_ID: rules}
        self.is_away = False
        # What it waits for, where it hangs.
        self.goes_on: asyncio.Event | None = None
        self.error: Exception = UnansweredError("away")
        self.without_place: set[str] = set()
        self.asked: list[int] = []
        self.placed: list[int] = []

    async def rules(self, playback_ids: list[str]) -> dict[str, Rules]:
        self.asked.append(len(playback_ids))
        await self._work()
        return self.known

    async def places(self, wanted: list[Place]) -> dict[Place, bool]:
        self.placed.append(len(wanted))
        await self._work()
        return {place: place[2] not in self.without_place for place in wanted}

    async def _work(self) -> None:
        await asyncio.sleep(0)
        if self.goes_on is not None:
            await self.goes_on.wait()
        if self.is_away:
            raise self.error


class Nginx:
    def __init__(self) -> None:
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def send(self, answer: Reply) -> None:
        self.answer.set_result(answer)


_Asks = Callable[[list[Viewer]], Awaitable[list[tuple[int, dict[str, str]]]]]


def viewer(viewer_id: str = "ann", *, lasts_s: int = 3600, origin: str = "") -> Viewer:
    now = datetime.now(UTC)
    token = ViewerToken(
        playback_id=_ID, viewer_id=viewer_id, issued_at=now, expires_at=now + timedelta(seconds=lasts_s), origin=origin
    )
    return Viewer(_ID, token.signed(_SECRET, key_id="key"))


def asking(web: WebProgram) -> _Asks:
    """Return what has viewers asked about, all at once; each gets a status and headers."""
    known = Permissions(web)

    async def ask(viewers: list[Viewer]) -> list[tuple[int, dict[str, str]]]:
        clients = [Nginx() for _ in viewers]
        for client, who in zip(clients, viewers, strict=True):
            known.ask(client, who)
        return [_read(await client.answer) for client in clients]

    return ask


def _read(answer: Reply) -> tuple[int, dict[str, str]]:
    first, *lines = answer.head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines if line)


def statuses(web: WebProgram, viewers: list[Viewer]) -> list[int]:
    async def run() -> list[int]:
        return [status for status, _ in await asking(web)(viewers)]

    return asyncio.run(run())


class TestAnswer:
    @pytest.mark.parametrize(
        ("rules", "who", "status", "kept"),
        [
            (_PUBLIC, Viewer(_ID), 200, "max-age=4, stale-while-revalidate=60, stale-if-error=86400"),
            (_SIGNED, viewer(lasts_s=200_000), 200, "max-age=4, stale-while-revalidate=2, stale-if-error=86400"),
            (_SIGNED, Viewer(_ID), 401, "max-age=4"),
            (None, Viewer(_ID), 401, "max-age=4"),
        ],
        ids=["public", "signed", "refused", "unknown"],
    )
    def test_says_how_long_it_holds(self, rules: Rules | None, who: Viewer, status: int, kept: str) -> None:
        async def run() -> tuple[int, dict[str, str]]:
            (answer,) = await asking(WebProgram(rules))([who])
            return answer

        found, headers = asyncio.run(run())
        assert (found, headers["Cache-Control"]) == (status, kept)
        assert headers["X-Playback"] == ("unknown" if rules is None else "permitted" if status == 200 else "refused")

    def test_outlives_no_token_where_nobody_answers_any_more(self) -> None:
        async def run() -> int:
            ((_, headers),) = await asking(WebProgram(_SIGNED))([viewer(lasts_s=3600)])
            return int(headers["Cache-Control"].rpartition("=")[2])

        assert 3600 - HANG_S < asyncio.run(run()) <= 3600 - 4

    def test_tells_who_could_play_otherwise_that_all_places_are_taken(self) -> None:
        web = WebProgram(_COUNTED)
        web.without_place = {"bob"}

        async def run() -> list[str]:
            return [headers["X-Playback"] for _, headers in await asking(web)([viewer("bob"), Viewer(_ID)])]

        assert asyncio.run(run()) == ["full", "refused"]

    def test_to_who_is_not_counted_asks_for_no_place(self) -> None:
        for rules in (_PUBLIC, _SIGNED):
            web = WebProgram(rules)
            assert statuses(web, [viewer()]) == [200]
            assert web.placed == []

    def test_comes_in_time_to_each_and_nobody_waits_in_vain_for_what_another_gave_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def run() -> None:
            web = WebProgram(_COUNTED)
            web.goes_on = asyncio.Event()
            ask = asking(web)
            monkeypatch.setattr(permissions, "_BOUND_S", 0.05)
            assert [status for status, _ in await ask([viewer()])] == [503]
            monkeypatch.setattr(permissions, "_BOUND_S", 20)
            patient = asyncio.ensure_future(ask([viewer("bob")]))
            await asyncio.sleep(0.05)
            web.goes_on.set()
            assert [status for status, _ in await patient] == [200]

        asyncio.run(run())

    def test_holds_no_longer_than_the_token(self) -> None:
        async def run() -> str:
            ((_, headers),) = await asking(WebProgram(_SIGNED))([viewer(lasts_s=4)])
            return headers["Cache-Control"]

        held = {f"max-age={left}, stale-while-revalidate=0, stale-if-error=0" for left in (1, 2, 3)}
        assert asyncio.run(run()) in held

    def test_tells_origins_apart_where_that_matters(self) -> None:
        async def run() -> list[str | None]:
            answers = await asking(WebProgram(_SIGNED))([viewer(), viewer(origin=_SHOP)])
            return [headers.get("Vary") for _, headers in answers]

        assert asyncio.run(run()) == [None, "Origin"]

    @pytest.mark.parametrize("text", ["a.b.c", _DEEP, f"{_DEEP}.{_DEEP}.x", "e30.e30.x"])
    def test_refuses_what_is_no_token(self, text: str) -> None:
        assert statuses(WebProgram(_SIGNED), [Viewer(_ID, text)]) == [401]

    def test_to_what_cannot_be_costs_nobody_anything(self) -> None:
        web = WebProgram(_SIGNED)

        assert statuses(web, [Viewer("")]) == [401]
        assert web.asked == []

    def test_comes_whatever_goes_wrong(self) -> None:
        class Broken(Rules):
            def check(self, viewer: Viewer) -> PlaybackPermission:
                raise RecursionError

        assert statuses(WebProgram(Broken(is_signed=True, allowed_origins=(), own_origin="")), [viewer()]) == [503]


class TestCrowd:
    def test_is_one_question(self) -> None:
        web = WebProgram(_SIGNED)

        assert statuses(web, [viewer(f"viewer-{number}") for number in range(1000)]) == [200] * 1000
        assert web.asked == [1]

    def test_of_many_livestreams_is_few(self) -> None:
        web = WebProgram(_PUBLIC)

        assert statuses(web, [Viewer(f"pb_x{number}") for number in range(500)]) == [401] * 500
        assert web.asked == [200, 200, 100]

    def test_is_counted_together(self) -> None:
        web = WebProgram(_COUNTED)
        web.without_place = {"viewer-7"}

        found = statuses(web, [viewer(f"viewer-{number}") for number in range(1100)])

        assert [number for number, status in enumerate(found) if status != 200] == [7]
        assert web.placed == [1000, 100]


class TestRules:
    def test_are_gone_by_for_a_moment(self) -> None:
        web = WebProgram(_SIGNED)

        async def run() -> None:
            ask = asking(web)
            for name in ("ann", "bob", "ann"):
                assert [status for status, _ in await ask([viewer(name), Viewer(_ID)])] == [200, 401]

        asyncio.run(run())
        assert web.asked == [1]

    def test_are_asked_for_again_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        web = WebProgram(_SIGNED)
        monkeypatch.setattr(permissions, "_RULES_HOLD_S", 0.1)

        async def run() -> None:
            ask = asking(web)
            assert [status for status, _ in await ask([viewer()])] == [200]
            web.known = {_ID: Rules(is_signed=True, allowed_origins=(), own_origin="", keys={})}
            await asyncio.sleep(0.2)
            assert [status for status, _ in await ask([viewer()])] == [401]

        asyncio.run(run())

    @pytest.mark.parametrize("rules", [_SIGNED, _COUNTED], ids=["signed", "counted"])
    def test_hold_on_while_nobody_answers_for_newcomers_as_well(
        self, monkeypatch: pytest.MonkeyPatch, rules: Rules
    ) -> None:
        web = WebProgram(rules)
        monkeypatch.setattr(permissions, "_RULES_HOLD_S", 0.0)

        async def run() -> None:
            ask = asking(web)
            await ask([viewer("ann")])
            web.is_away = True
            for newcomer in ("bob", "cid"):
                assert [status for status, _ in await ask([viewer(newcomer), Viewer(_ID)])] == [200, 401]

        asyncio.run(run())

    def test_are_not_needed_to_know_that_a_tokens_time_is_over(self) -> None:
        web = WebProgram(_SIGNED)
        web.is_away = True

        assert statuses(web, [viewer(lasts_s=-1), viewer(lasts_s=60), Viewer(_ID, "a.b.c"), Viewer(_ID)]) == [
            401,
            503,
            503,
            503,
        ]

    @pytest.mark.parametrize("error", [UnansweredError("away"), ValueError("nonsense")], ids=["away", "nonsense"])
    def test_that_nobody_has_told_are_none(self, error: Exception) -> None:
        web = WebProgram(_SIGNED)
        web.is_away, web.error = True, error

        async def run() -> None:
            ask = asking(web)
            assert [status for status, _ in await ask([viewer(), viewer("bob")])] == [503, 503]
            # Nobody else finds out anew.
            assert [status for status, _ in await ask([viewer("cid")])] == [503]

        asyncio.run(run())
        assert web.asked == [1]

    def test_are_not_gone_by_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(permissions, "_RULES_HOLD_S", 0.0)
        web = WebProgram(_SIGNED)

        async def run() -> None:
            ask = asking(web)
            assert [status for status, _ in await ask([viewer()])] == [200]
            web.is_away = True
            assert [status for status, _ in await ask([viewer()])] == [200]
            monkeypatch.setattr(permissions, "_STALE_S", 0.0)
            assert [status for status, _ in await ask([viewer()])] == [503]

        asyncio.run(run())

    def test_that_nobody_asks_for_are_forgotten_and_sooner_what_was_made_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(permissions, "_SWEEP_S", 0.01)
        monkeypatch.setattr(permissions, "_UNKNOWN_FORGOTTEN_S", 0.05)

        async def run() -> None:
            known = Permissions(WebProgram(_SIGNED))
            for who in (Viewer(_ID), Viewer("pb_made_up")):
                client = Nginx()
                known.ask(client, who)
                await client.answer
            assert known._known.keys() == {_ID, "pb_made_up"}
            forgetting = asyncio.create_task(known.look_after())
            async with asyncio.timeout(10):
                while "pb_made_up" in known._known:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                assert known._known.keys() == {_ID}
                monkeypatch.setattr(permissions, "_FORGOTTEN_S", 0.05)
                while known._known:
                    await asyncio.sleep(0.01)
            forgetting.cancel()

        asyncio.run(run())
