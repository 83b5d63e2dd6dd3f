"""What was delivered is a line of the edge's log each, which says whose it was and never by what token."""

from pathlib import Path

import httpx
import pytest

from livehub.stack.edge import render_edge
from livehub.stack.edge_node import render_edge_node
from livehub.stack.instance import Instance
from tests.stack.test_edge_policy import _ID, _TOKEN, Edge
from tests.stack.test_edge_reports import _SESSION, _VIEWER, edge, http, lines_of

__all__ = ["edge", "http"]
_SEGMENT = f"{_ID}/{_SESSION}/v0/1-7.m4s"
_HEADERS = {"User-Agent": "a browser", "CMCD-Session": 'sid="one"', "X-Playback-Session-Id": "A-1"}


def _put(folder: Path) -> None:
    (folder / _SEGMENT).parent.mkdir(parents=True)
    (folder / _SEGMENT).write_bytes(b"segment")
    for name in ("1-0.init.mp4", "index.m3u8"):
        (folder / _SEGMENT).with_name(name).write_bytes(b"nothing that is watched")


@pytest.mark.parametrize("edge", [render_edge, render_edge_node], ids=["hub", "edge node"], indirect=True)
def test_what_was_delivered_is_a_line_of_the_log(
    request: pytest.FixtureRequest, instance: Instance, edge: Edge, http: httpx.Client
) -> None:
    is_hub = request.node.callspec.params["edge"] is render_edge
    _put(instance.playback_dir if is_hub else instance.relayed_dir)
    edge.program.headers["X-Playback-Viewer"] = _VIEWER
    plain, signed = f"/playback/{_SEGMENT}", f"/playback/t/{_TOKEN}/{_SEGMENT}"

    besides = [
        http.head(plain),
        http.get(plain.replace("1-7.m4s", "1-0.init.mp4")),
        http.get(plain.replace("1-7.m4s", "index.m3u8")),
        http.get(plain.replace("v0/1-7", "v1/1-7")),
        http.get(plain, headers={"Range": "bytes=900-"}),
    ]
    answers = [
        http.get(plain, headers=_HEADERS),
        http.get(f"{signed}?CMCD=sid%3D%22two%22", headers={"User-Agent": "a browser"}),
        # All of it, as Apple's players ask; and some of it, which the collector tells by its length.
        http.get(plain, headers={"Range": "bytes=0-"}),
        http.get(plain, headers={"Range": "bytes=0-3"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 206, 206]
    assert [answer.status_code for answer in besides[:2]] == [200, 200]
    assert besides[-1].status_code == 416
    lines = lines_of(instance, len(answers))
    first, second = lines[:2]
    assert (first["g"], first["k"], first["q"], first["p"]) == ("a browser", 'sid="one"', "", "A-1")
    assert (second["k"], second["q"], second["p"]) == ("", "sid%3D%22two%22", "")
    assert {(line["u"].removeprefix("/playback"), line["a"], line["v"]) for line in lines} == {
        (f"/{_SEGMENT}", "127.0.0.1", _VIEWER)
    }
    assert [(line["s"], line["b"]) for line in lines] == [(200, 7), (200, 7), (206, 7), (206, 4)]
    assert _TOKEN not in instance.media_log.read_text() + edge.log_path.read_text()
