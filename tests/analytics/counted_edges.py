"""A real edge nginx, and real collectors that count what it delivers into the tests' database; nothing else runs."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from django.db import connection

from analytics.models import LogCursor
from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from livehub.stack.programs import programs
from tests.analytics.delivered import put_media
from tests.services import running, wait_until
from tests.stack.instances import fresh_instance
from tests.stack.rulings import ruling
from tests.stack.test_nginx import accepts
from tests.stack.whole import BASE_DIR

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# At a bounded pace: each connection waits so long between its requests.
_CONNECTIONS, _PAUSE_MS = 16, 5
_CROWD = """
local number = 0
function delay() return {pause_ms} end
function request()
  number = number + 1
  local viewer, at = number % {viewers}, math.floor(number / {viewers}) % {objects}
  local msn, part = math.floor(at / {parts}), at % {parts}
  return wrk.format("GET", string.format("/playback/pb_crowd/{session}/v0/1-%d.%d.m4s", msn, part), {{
    ["CMCD-Session"] = string.format('sid="viewer-%d"', viewer), ["User-Agent"] = "{agent}"
  }})
end
"""


@dataclass
class CountedEdge:
    """`session` is the name of the folder of what it delivers; `delivered` a log of each delivery, beside ours."""

    instance: Instance
    session: str
    segments: int
    parts: int
    delivered: Path
    nginx: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.instance.http_port}/playback/pb_crowd/{self.session}"

    @property
    def folder(self) -> Path:
        return self.delivered.parent

    def count_delivered(self) -> int:
        with self.delivered.open("rb") as file:
            return sum(1 for _ in file)

    def count_read(self) -> int:
        """Return how many lines are written down as read, counted or not."""
        connection.close_if_unusable_or_obsolete()
        cursors = LogCursor.objects.filter(edge=self.instance.node).values_list("lines", "rejected")
        return sum(lines + sum(rejected.values()) for lines, rejected in cursors)

    @contextmanager
    def collector(self, name: str = "collector") -> "Iterator[subprocess.Popen[bytes]]":
        """Run one for as long as the block lasts; it has begun to count."""
        argv = next(program.argv for program in programs(self.instance) if program.name == "collector")
        database = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
        environment = {**os.environ, "DATABASE_URL": database}
        log_path = self.folder / f"{name}.log"
        with (
            log_path.open("wb") as log,
            subprocess.Popen(argv, cwd=BASE_DIR, env=environment, stdout=log, stderr=log, process_group=0) as process,
        ):
            try:
                wait_until(lambda: b"counts edge=" in log_path.read_bytes() or process.poll() is not None, what=name)
                assert process.poll() is None, log_path.read_text()
                yield process
            finally:
                process.kill()

    def fetch(self, *, viewers: int, seconds: int) -> int:
        """Have viewers fetch for so long, and return how many requests were answered: all of them well."""
        report = subprocess.run(
            self._crowd(viewers=viewers, seconds=seconds), capture_output=True, text=True, check=True, timeout=600
        ).stdout
        found = re.search(r"(\d+) requests in", report)
        assert found is not None, report
        assert "Non-2xx" not in report, report
        assert "Socket errors" not in report, report
        return int(found[1])

    @contextmanager
    def crowd(self, *, viewers: int) -> Iterator[None]:
        """Have viewers fetch one part after the other, again and again, for as long as the block lasts."""
        with running(self._crowd(viewers=viewers, seconds=3600), log_path=self.folder / "wrk.log"):
            yield

    def _crowd(self, *, viewers: int, seconds: int) -> list[str]:
        script = self.folder / "crowd.lua"
        script.write_text(
            _CROWD.format(
                viewers=viewers,
                objects=self.segments * self.parts,
                parts=self.parts,
                session=self.session,
                agent=BROWSER,
                pause_ms=_PAUSE_MS,
            )
        )
        return ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-s", str(script), self.url]


@contextmanager
def counted_edge(
    folder: Path, *, session: str, node: str = "main", segments: int = 100, part_s: float = 0.5, parts: int = 4
) -> Iterator[CountedEdge]:
    """Run an edge that delivers so many segments of one rendition."""
    delivered = folder / "delivered.log"
    instance = replace(fresh_instance(folder), node=node)
    prepare_folders(instance)
    config = render_edge(instance, Host.current())
    # Each of our lines once more, unbuffered: what there is to count.
    ours = rf"access_log [^;]*{instance.media_log.name}[^;]* media [^;]*if=(\$\w+);"
    config, found = re.subn(ours, rf"\g<0> access_log {delivered} media if=\1;", config)
    assert found
    instance.edge_config.write_text(config)
    put_media(instance.playback_dir, session=session, segments=segments, part_s=part_s, parts=parts)
    argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    with ExitStack() as stack:
        stack.enter_context(ruling(instance.asgi_socket))
        origin = next(program.argv for program in programs(instance) if program.name == "origin")
        stack.enter_context(running(origin, log_path=folder / "origin.log"))
        process = stack.enter_context(running(argv, log_path=folder / "nginx.log"))
        wait_until(lambda: accepts(instance.http_port) and instance.origin_socket.exists(), what="the edge")
        yield CountedEdge(instance, session, segments, parts, delivered, psutil.Process(process.pid))
