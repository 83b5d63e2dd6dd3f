"""Questions to the web program, on its private socket: HTTP/1.0, so that an answer is what comes until the end."""

import asyncio
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from streams.media.origin.batches import UnansweredError
from streams.media.origin.rules import Rules

# It says by itself that the database does not answer, before this.
_BOUND_S = 1.0
_ANSWER_BYTES_AT_MOST = 64 << 20
_PATH = "/internal/playback"
# One that it answers to whatever it is called outside.
_HOST = "localhost"

# A livestream's playback id, how many places it has, and the viewer whose one is to be.
Place = tuple[str, int, str]


class Web:
    """The program that knows the database."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    async def rules(self, playback_ids: list[str]) -> dict[str, Rules]:
        """Return what holds for viewers, by playback id, of those livestreams that there are.

        :raises UnansweredError: when it does not answer.
        """
        query = urlencode([("playback_id", playback_id) for playback_id in playback_ids])
        found = await self._ask(f"GET {_PATH}/rules?{query}", b"")
        return {str(playback_id): Rules.of_json(said) for playback_id, said in found.items()}

    async def places(self, wanted: list[Place]) -> dict[Place, bool]:
        """Return who of them has a place.

        :raises UnansweredError: when it does not answer.
        """
        found = await self._ask(f"POST {_PATH}/places", json.dumps(wanted).encode())
        return dict(zip(wanted, found, strict=True))

    async def _ask(self, question: str, body: bytes) -> Any:
        try:
            async with asyncio.timeout(_BOUND_S):
                head, _, answer = (await self._exchange(question, body)).partition(b"\r\n\r\n")
        except (OSError, TimeoutError) as error:
            raise UnansweredError(repr(error)) from error
        status = head[: head.find(b"\r\n")].decode("latin-1")
        if " 200 " not in status:
            raise UnansweredError(status or "no answer")
        try:
            return json.loads(answer)
        except ValueError as error:
            raise UnansweredError("torn off") from error

    async def _exchange(self, question: str, body: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._socket_path, limit=_ANSWER_BYTES_AT_MOST)
        with closing(writer):
            head = f"{question} HTTP/1.0\r\nHost: {_HOST}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            return await reader.read(-1)
