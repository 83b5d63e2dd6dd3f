"""One pull: fetches a source and publishes it to our own ingest server until it ends, however that comes."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from streams.media.process import Child, running
from streams.media.progress import Reports
from streams.media.pulling.command import (
    Encodes,
    Publication,
    environment_of,
    preset,
    pull_command,
    source_list,
)
from streams.media.pulling.said import PullWords
from streams.media.pulling.source import PullUrl, SourceKind

logger = logging.getLogger(__name__)

# What people are shown as the encoder.
PULL_NAME = "LiveHub's pull"
# Media time stands still for so long: it hangs. The first of it needs a connection, a probe and a key frame.
PATIENCE_S, FIRST_PATIENCE_S = 10.0, 20.0
_LOOK_S = 0.5
_MEMORY_MB = 1024
# Ports of the kinds that are nobody else's.
SOURCE_PORTS = (554,)


class WayOut(Protocol):
    """How it goes out: the egress proxy's permit."""

    proxy_url: str

    def fileno(self) -> int: ...
    def refusal(self) -> str: ...
    def failure(self) -> str: ...
    def is_lost(self) -> bool: ...
    def tunnel(self, host: str, port: int) -> int: ...
    def resolve(self, host: str, port: int) -> str: ...
    def upgrade(self, host: str, port: int, *, is_secure: bool) -> None: ...


class EndKind(StrEnum):
    # Somebody wants it to.
    STOPPED = "stopped"
    # A file, or a broadcast that says that it is over.
    FINISHED = "finished"
    # Trying again may help.
    FAILED = "failed"
    # It leads where nobody is let; trying again does not help.
    REFUSED = "refused"
    # Trying again helps with `needs`.
    UNFIT = "unfit"


@dataclass(frozen=True)
class PullEnd:
    """Why a pull is over; `reason` is a sentence for people, without secrets."""

    kind: EndKind
    reason: str = ""
    needs: Encodes | None = None


@dataclass(frozen=True)
class PullOrder:
    """What to pull, and where to; `label` names it in the log."""

    url: PullUrl
    to: Publication
    encodes: Encodes
    label: str


def pull(order: PullOrder, *, way: WayOut, looks: Callable[[bool], bool]) -> PullEnd:
    """Pull until the end and return why it came.

    :param looks: called at least once a second with whether media comes; it returns whether to go on.
    :raises whatever: `way` raises where a source leads nowhere.
    """
    with _handed_over(_list_of(order.url, way)) as listed, _handed_over(preset(order.to)) as options:
        argv = pull_command(order.url, to=order.to, list_fd=listed, preset_fd=options, encodes=order.encodes)
        said = PullWords(order.url, order.encodes)
        environment = environment_of(way.proxy_url, os.environ.get("PATH", os.defpath))
        with running(
            argv,
            label=order.label,
            feeds=True,
            inherits=(listed, options),
            memory_mb=_MEMORY_MB,
            environment=dict(environment),
            listener=said.hear,
        ) as child:
            end = _watch(child, said, way=way, looks=looks, url=order.url)
    logger.info("%s: %s %s", order.label, end.kind, end.reason)
    return end


def _watch(child: Child, said: PullWords, *, way: WayOut, looks: Callable[[bool], bool], url: PullUrl) -> PullEnd:
    reports = Reports(child.stdout.fileno())
    advanced_at, is_coming = time.monotonic(), False
    while True:
        is_over = child.wait(timeout_s=_LOOK_S, or_readable=way.fileno())
        if is_over:
            # What it said last has been read by then.
            child.last_words()
        if refusal := way.refusal() or said.not_opened:
            return PullEnd(EndKind.REFUSED, _sentence(refusal))
        if needs := said.needs:
            return PullEnd(EndKind.UNFIT, needs=needs)
        if is_over:
            return _end_of(child, said, way=way, url=url, has_come=is_coming)
        if way.is_lost():
            return PullEnd(EndKind.FAILED, "The egress proxy has gone; it is back in a moment.")
        if reports.have_advanced():
            advanced_at, is_coming = time.monotonic(), True
        if time.monotonic() - advanced_at > (PATIENCE_S if is_coming else FIRST_PATIENCE_S):
            return PullEnd(EndKind.FAILED, _silence(is_coming=is_coming, failure=way.failure()))
        if not looks(is_coming):
            return PullEnd(EndKind.STOPPED)


def _end_of(child: Child, said: PullWords, *, way: WayOut, url: PullUrl, has_come: bool) -> PullEnd:
    if failure := way.failure():
        return PullEnd(EndKind.FAILED, _sentence(failure))
    # Live protocols end whenever their sender does, which may come back.
    is_whole = child.exit_code == 0 and has_come and not said.has_failed_request
    if is_whole and url.kind is SourceKind.HTTP:
        return PullEnd(EndKind.FINISHED, "The source has come to its end.")
    return PullEnd(EndKind.FAILED, said.reason())


def _silence(*, is_coming: bool, failure: str) -> str:
    if failure:
        return _sentence(failure)
    if is_coming:
        return f"Nothing came from the source for {PATIENCE_S:g} s."
    return f"The source has sent nothing for {FIRST_PATIENCE_S:g} s."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _list_of(url: PullUrl, way: WayOut) -> bytes:
    host = way.proxy_url.rpartition("@")[2].rpartition(":")[0]
    if url.kind is SourceKind.HTTP:
        way.upgrade(url.host, url.port, is_secure=url.scheme == "https")
    is_tunnelled = url.scheme in {"rtmp", "rtsp"}
    return source_list(
        url,
        tunnel_port=way.tunnel(url.host, url.port) if is_tunnelled else None,
        address=way.resolve(url.host, url.port) if url.kind is SourceKind.SRT else None,
        proxy_host=host,
        authorities=os.environ.get("SSL_CERT_FILE", ""),
    )


@contextmanager
def _handed_over(content: bytes) -> Iterator[int]:
    """Yield a descriptor that a child reads this from, once."""
    reading, writing = os.pipe()
    try:
        # Less than a pipe holds.
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        with suppress(OSError):
            os.close(reading)
