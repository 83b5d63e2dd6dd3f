"""Which tests are given a second try: those of real encoders and browsers, and no race."""

import pytest


def test_only_journeys_are_tried_again(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> None:
    assert pytestconfig.pluginmanager.hasplugin("rerunfailures")
    for item in request.session.items:
        is_journey = any(item.get_closest_marker(name) for name in ("e2e", "browser"))
        is_proof = any(item.get_closest_marker(name) for name in ("chaos", "bench"))
        tries = [mark.kwargs for mark in item.iter_markers("flaky")]
        assert tries == ([{"reruns": 1}] if is_journey and not is_proof else []), item.nodeid
