"""/healthz and /readyz, without a stack behind them."""

import time

import pytest
from django.test import Client


def test_healthz_needs_nothing_but_the_web_process() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_readyz_names_every_component_and_what_is_missing() -> None:
    started = time.monotonic()

    response = Client().get("/readyz")

    components = response.json()["components"]
    assert response.json()["missing"] == [name for name in components if name not in {"database", "broker"}]
    assert response.status_code == 503
    assert (components["database"], components["broker"]) == ("ok", "ok")
    assert components["ingest"] == components["asgi"] == "does not answer (ConnectError)"
    assert components["gate"] == "does not answer (FileNotFoundError)"
    assert {components[f"{name}_worker"] for name in ("live", "urgent", "webhooks")} == {"none answers"}
    assert time.monotonic() - started < 10
