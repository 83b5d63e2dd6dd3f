"""What alert rules, the Grafana dashboard and the documentation name is told, and all that is told is documented."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import LazySettings
from django.test import Client
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

import livehub.settings
from livehub.core import clock
from streams.self_tests.models import SelfTest
from streams.self_tests.states import SelfTestState

# The parts are asked in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

_BASE = Path(livehub.settings.BASE_DIR)
_TOKEN = "a token of twenty-five chars"
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
_ROW = re.compile(r"^\| `(livehub_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


def _families(settings: LazySettings) -> Mapping[str, Metric]:
    """Return all that is told, by name, with samples or without."""
    settings.METRICS_TOKEN = _TOKEN
    now = clock.now()
    # The one thing that is not told before there is any.
    SelfTest.objects.create(node="main", until=now, state=SelfTestState.PASSED, finished_at=now)
    text = Client().get("/metrics", headers={"Authorization": f"Bearer {_TOKEN}"}).content.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def _series(families: Mapping[str, Metric]) -> set[str]:
    return {f"{name}{suffix}" for name, family in families.items() for suffix in _SUFFIXES[family.type]}


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((_BASE / "deploy/prometheus/livehub.rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _alerts() -> list[str]:
    return [rule["expr"] for rule in _rules()]


def _panels() -> list[str]:
    panels = json.loads((_BASE / "deploy/grafana/livehub.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def _documented() -> dict[str, tuple[str, set[str]]]:
    rows = _ROW.findall((_BASE / "docs/operations.md").read_text())
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_alerts_and_panels_are_made_of_what_is_told(settings: LazySettings) -> None:
    series, labels = _series(_families(settings)), {name: labels for name, (_, labels) in _documented().items()}

    for expression in [*_alerts(), *_panels()]:
        named = re.findall(r"livehub_\w+", expression)
        assert set(named) <= series, expression
        assert named or expression.startswith("up{"), expression
        known = {label for name in named for label in labels.get(_family_of(name), ())} | {"le", "job"}
        grouped = {label for group in re.findall(r"\bby \(([\w, ]+)\)", expression) for label in group.split(", ")}
        assert grouped | set(re.findall(r"[{,](\w+)!?=", expression)) <= known, expression


def test_alerts_have_what_prometheus_and_people_need(settings: LazySettings) -> None:
    labels = {name: labels for name, (_, labels) in _documented().items()}

    assert len({rule["alert"] for rule in _rules()}) == len(_rules()) > 10
    for rule in _rules():
        # Source: Prometheus' documentation, "Alerting rules"; what it does not know, it refuses as a whole.
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[sm]", rule.get("for", "0s")), rule
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["annotations"]["description"].endswith("."), rule
        expression, words = rule["expr"], " ".join(rule["annotations"].values())
        assert [expression.count(sign) for sign in "({["] == [expression.count(sign) for sign in ")}]"], rule
        # What words name has to be left of the expression's labels.
        grouped = re.search(r"sum by \(([\w, ]+)\)", expression)
        left = (
            set(grouped[1].split(", ")) if grouped else set(labels.get(re.findall(r"livehub_\w+|$", expression)[0], ()))
        )
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= left, rule


def test_values_of_labels_that_are_asked_for_are_told(settings: LazySettings) -> None:
    told = {
        (sample.name, label, value)
        for family in _families(settings).values()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    # Of what is told from the start: of others there is nothing before something has happened.
    complete = {("livehub_sessions", "state"), ("livehub_webhook_endpoints", "state")}
    complete |= {("livehub_recordings_unfinished", "state")}

    asked = {
        (name, label, value)
        for expression in [*_alerts(), *_panels()]
        for name, condition in re.findall(r"(livehub_\w+)\{([^}]*)\}", expression)
        for label, value in re.findall(r'(\w+)="([^"]*)"', condition)
    }

    assert {each[:2] for each in asked} >= complete
    assert {each for each in asked if each[:2] in complete} <= told


def test_the_documentation_has_all_of_it_with_its_type_and_its_labels(settings: LazySettings) -> None:
    families, documented = _families(settings), _documented()

    assert {name.removesuffix("_total") for name in documented} == set(families)
    for name, (kind, labels) in documented.items():
        family = families[name.removesuffix("_total")]
        assert family.type == kind, name
        told = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert told <= labels, name


def _family_of(series: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", series) if "_seconds_" in series else series
