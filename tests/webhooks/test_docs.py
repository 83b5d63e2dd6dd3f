"""What docs/webhooks.md says of events is what the catalogue has, and what goes out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from pytest_django import Settings

from streams.livestreams.states import EndReason
from tests.webhooks.messages import message
from webhooks.catalogue import EVENT_NAMES, EventName
from webhooks.payloads import body_of
from webhooks.payloads.ours import _CHANGED

_NOT_YET = " Not yet."
_EMITTED = [event_name for event_name in EVENT_NAMES.values() if event_name.is_emitted]


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://live.example.org"
    settings.INGEST_URL = "rtmp://live.example.org:1935/live/"


@pytest.fixture(scope="module")
def section() -> str:
    text = (Path(project.BASE_DIR) / "docs" / "webhooks.md").read_text()
    return text.partition("\n## Events\n")[2].partition("\n## ")[0]


def examples_of(section: str, name: str) -> list[Any]:
    """Return the bodies that are shown below the name."""
    below = section.partition(f"\n#### `{name}`\n")[2].partition("\n#")[0]
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)\n```", below, re.DOTALL)]


def test_lists_every_name_in_the_catalogues_order_and_words(section: str) -> None:
    rows = re.findall(
        r"^\| `([^`]+\.?[^`]*)` \| (.*) \|$", section.partition("\n### LiveHub's body\n")[0], re.MULTILINE
    )

    assert rows == [(name, _summary(event_name)) for name, event_name in EVENT_NAMES.items()]


def test_shows_a_body_of_every_name_that_goes_out_and_of_no_other(section: str) -> None:
    assert re.findall(r"^#### `(.*)`$", section, re.MULTILINE) == [event_name.name for event_name in _EMITTED]


@pytest.mark.parametrize("name", [event_name.name for event_name in _EMITTED])
def test_shows_what_goes_out(section: str, name: str) -> None:
    first, *others = examples_of(section, name)

    assert list(first.items()) == list(json.loads(body_of(message(name))).items())
    assert bool(others) == (name == "livestreaming.statusUpdate")


def test_shows_realtimekits_body_where_it_is_another_one(section: str) -> None:
    name = "livestreaming.statusUpdate"
    body = body_of(message(name, format="realtimekit"), stream_key="sk_exampleexampleexampleexample")

    assert examples_of(section, name)[1] == json.loads(body)


def test_names_what_can_change_and_why_a_broadcast_ends(section: str) -> None:
    told = section.partition("\n### LiveHub's body\n")[2].partition("\n### ")[0]

    for word in [*_CHANGED.values(), *EndReason.values]:
        assert f"`{word}`" in told


def _summary(event_name: EventName) -> str:
    return event_name.summary if event_name.is_emitted else event_name.summary + _NOT_YET
