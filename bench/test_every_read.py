"""Every list and every detail of the REST API through the edge, with 8 clients, in each dialect.

`python -m pytest -m bench -s bench/test_every_read.py`.
"""

import base64
import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from bench.load import measure
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_ROUND_S = 2
# Requests per second, at least.
_LIST_PER_S, _DETAIL_PER_S = 200, 350
# What is below its budget is measured once more: these are many rounds, and short ones.
_ROUNDS = 2
_LISTS = {
    "livestreams": "/livestreams",
    "meetings": "/meetings",
    "participants": "/meetings/{meeting}/participants",
    "livestreams of a meeting": "/meetings/{meeting}/livestream",
    "presets": "/presets",
    "sessions of meetings": "/sessions",
    "session participants": "/sessions/{held}/participants",
    "the same with peer events": "/sessions/{held}/participants?include_peer_events=true",
    "livestream sessions": "/sessions/{held}/livestream-sessions",
    "a livestream with 25 sessions": "/livestreams/{much}",
}
_DETAILS = {
    "livestream": "/livestreams/{livestream}",
    "active livestream session": "/livestreams/{live}/active-livestream-session",
    "session": "/livestreams/sessions/{session}",
    "meeting": "/meetings/{meeting}",
    "participant": "/meetings/{meeting}/participants/{participant}",
    "active livestream": "/meetings/{meeting}/active-livestream",
    "active session": "/meetings/{meeting}/active-session",
    "preset": "/presets/{preset}",
    "session of a meeting": "/sessions/{held}",
    "session participant": "/sessions/{held}/participants/{participant}",
    "peer report": "/sessions/peer-report/{peer}",
}
_V2_LISTS = {
    "sessions": "/livestreams/{much}/sessions",
    "outputs": "/livestreams/{much}/outputs",
    "apps": "/apps",
    "API keys": "/api-keys",
}
_V2_DETAILS = {"output": "/livestreams/{much}/outputs/{output}", "app": "/apps/{app}"}
_LIVEAPI_LISTS = {"live streams": "/live_streams?per_page=25"}
_LIVEAPI_DETAILS = {
    "live stream": "/live_streams/{livestream_object}",
    "live stream with 29 platforms": "/live_streams/{much_object}",
}
_CLOUDINARY_LISTS = {
    "live streams": "/live_streams?per_page=25",
    "outputs": "/live_streams/{much}/outputs?per_page=25",
    "a live stream with 31 outputs": "/live_streams/{much}",
}
_CLOUDINARY_DETAILS = {"live stream": "/live_streams/{livestream}", "output": "/live_streams/{much}/outputs/{output}"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    # Counted as ever, but for so many that no key of ours reaches its limit.
    limits = {"LIVEHUB_API_REQUESTS_PER_KEY": "1000000"}
    with running_stack(tmp_path_factory.mktemp("stack"), **limits) as running:
        yield running


@pytest.fixture(scope="module")
def ids(stack: RunningStack) -> dict[str, str]:
    printed = stack.manage("shell", "-v0", "-c", "from bench.furnished import main; main()")
    found: dict[str, str] = json.loads(printed.splitlines()[-1])
    short = {f"{name}_object": value.replace("-", "")[:24] for name, value in found.items()}
    return {**found, **short}


def test_dyte(stack: RunningStack, ids: dict[str, str]) -> None:
    known = stack.credentials
    _check(
        "Dyte",
        known["dyte_base_url"],
        authorization=_basic(known["organization_id"], known["api_key"]),
        budgets={
            **_budgets(_LISTS | _V2_LISTS, _LIST_PER_S, ids),
            **_budgets(_DETAILS | _V2_DETAILS, _DETAIL_PER_S, ids),
        },
    )


def test_realtimekit(stack: RunningStack, ids: dict[str, str]) -> None:
    known = stack.credentials
    kit = f"{known['realtimekit_base_url']}/accounts/{known['account_id']}/realtime/kit"
    bearer = f"Bearer {known['api_token']}"
    budgets = {**_budgets(_LISTS, _LIST_PER_S, ids), **_budgets(_DETAILS, _DETAIL_PER_S, ids)}
    _check("RealtimeKit", f"{kit}/{known['app_id']}", authorization=bearer, budgets=budgets)
    _check("RealtimeKit", kit, authorization=bearer, budgets=_budgets({"apps": "/apps"}, _LIST_PER_S, ids))


def test_liveapi(stack: RunningStack, ids: dict[str, str]) -> None:
    known = stack.credentials
    _check(
        "LiveAPI",
        known["liveapi_base_url"],
        authorization=_basic(known["liveapi_key_id"], known["liveapi_key_secret"]),
        budgets={**_budgets(_LIVEAPI_LISTS, _LIST_PER_S, ids), **_budgets(_LIVEAPI_DETAILS, _DETAIL_PER_S, ids)},
    )


def test_cloudinary(stack: RunningStack, ids: dict[str, str]) -> None:
    known = stack.credentials
    _check(
        "Cloudinary",
        f"{known['cloudinary_base_url']}/{known['cloudinary_cloud_name']}",
        authorization=_basic(known["cloudinary_api_key"], known["cloudinary_api_secret"]),
        budgets={**_budgets(_CLOUDINARY_LISTS, _LIST_PER_S, ids), **_budgets(_CLOUDINARY_DETAILS, _DETAIL_PER_S, ids)},
    )


def _budgets(reads: Mapping[str, str], per_s: int, ids: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    return {name: (path.format(**ids), per_s) for name, path in reads.items()}


def _check(dialect: str, base_url: str, *, authorization: str, budgets: Mapping[str, tuple[str, int]]) -> None:
    """Ask for each of these, by its name, and compare with what it is promised."""
    too_few = {}
    for name, (path, promised) in budgets.items():
        httpx.get(f"{base_url}{path}", headers={"Authorization": authorization}).raise_for_status()
        for _ in range(_ROUNDS):
            found = measure(f"{base_url}{path}", authorization=authorization, round_s=_ROUND_S)
            print(f"\n{dialect}, {name}: {found.per_s:.0f}/s (>= {promised}), p99 {found.p99_ms:.0f} ms", end="")
            if found.per_s >= promised:
                break
        else:
            too_few[name] = found.per_s
    assert too_few == {}


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
