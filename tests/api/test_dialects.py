"""What each vendor's clients are answered by an address that has no operation, and by every other error."""

import logging
from datetime import UTC, datetime

import pytest
from django.test import Client

from livehub.api import wire
from livehub.api.problem import Problem
from livehub.api.wire import Content, Wire
from livehub.core import request_ids
from livehub.core.request_ids import LogLines
from livehub.dialects import CLOUDINARY, DIALECTS, DYTE
from tests.api.clients import read

PROBLEM = Problem(422, "validation_failed", "No.", {"name": ["Too long."]})
ERROR = {"code": 422, "message": "No.", "type": "validation_failed", "fields": {"name": ["Too long."]}}
ANSWERS = {
    wire.DYTE: {"success": True, "data": 1},
    wire.REALTIMEKIT: {"success": True, "data": 1},
    wire.LIVEAPI: 1,
    wire.CLOUDINARY: {"request_id": "ab", "data": 1},
}
VENDORS_ERROR = {"success": False, "error": ERROR, "errors": [{"code": 422, "message": "No."}]}
ERRORS = {
    wire.DYTE: VENDORS_ERROR,
    wire.REALTIMEKIT: VENDORS_ERROR,
    wire.LIVEAPI: {"error": ERROR},
    wire.CLOUDINARY: {"request_id": "ab", "error": {"message": "No.", "fields": {"name": ["Too long."]}}},
}


@pytest.mark.parametrize("each", wire.WIRES, ids=lambda each: each.name)
class TestWire:
    def test_wraps_answers_and_errors_as_the_vendor_does(self, each: Wire) -> None:
        assert each.answer_body(Content(1), "ab") == ANSWERS[each]
        assert each.error_body(PROBLEM, "ab") == ERRORS[each]

    def test_leaves_out_complaints_where_there_are_none(self, each: Wire) -> None:
        assert "fields" not in str(each.error_body(Problem(404, "not_found", "No."), "ab"))

    def test_answers_unknown_addresses_in_its_own_shape(self, each: Wire) -> None:
        response = Client().get(f"/{each.root}/nothing", headers={"X-Request-Id": "f" * 32})

        message = f"No operation GET /{each.root}/nothing. Paths have no trailing slash."
        expected = each.error_body(Problem(404, "unknown_route", message), "f" * 32)
        assert response.status_code == 404
        assert read(response) == expected  # type: ignore[arg-type]  # A class of the test client's.


class TestLists:
    def test_stand_under_their_name_where_they_have_one(self) -> None:
        paging = {"total_count": 1}

        assert wire.DYTE.answer_body(Content([1], paging), "") == {"success": True, "data": [1], "paging": paging}
        assert wire.REALTIMEKIT.answer_body(Content([1], paging, "things"), "") == {
            "success": True,
            "data": {"things": [1], "paging": paging},
            "paging": paging,
        }


def test_dialects_differ_in_what_making_answers() -> None:
    assert (DYTE.status(201), DYTE.status(200)) == (201, 200)
    assert (CLOUDINARY.status(201), CLOUDINARY.status(404)) == (200, 404)
    assert [dialect.wire for dialect in DIALECTS] == list(wire.WIRES)


def test_moments_are_text_or_milliseconds() -> None:
    moment = datetime(2026, 11, 21, 20, 0, 0, 123999, tzinfo=UTC)

    assert wire.DYTE.instant(moment) == "2026-11-21T20:00:00.123Z"
    assert wire.CLOUDINARY.instant(moment) == 1795291200123


class TestRequestId:
    def test_is_what_the_edge_has_given(self) -> None:
        assert Client().get("/v2/x", headers={"X-Request-Id": "0a" * 16}).headers["X-Request-Id"] == "0a" * 16

    @pytest.mark.parametrize("given", ["", "mine", "0A" * 16, "a" * 31, "\n"])
    def test_is_a_new_one_when_that_is_none(self, given: str) -> None:
        made = [Client().get("/v2/x", headers={"X-Request-Id": given}).headers["X-Request-Id"] for _ in range(2)]

        assert [len(each) for each in made] == [32, 32]
        assert made[0] != made[1]

    def test_stands_at_the_end_of_our_log_lines(self) -> None:
        record = logging.makeLogRecord({"msg": "Something happened"})
        lines = LogLines("%(message)s")

        with request_ids.request_id("0b" * 16):
            assert lines.format(record) == f"Something happened request={'0b' * 16}"
        assert lines.format(record) == "Something happened"
