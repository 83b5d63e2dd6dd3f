"""A mail server that keeps what it is handed: as much of SMTP as that takes."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from tests.services import HANG_S


class _Session(socketserver.StreamRequestHandler):
    timeout = HANG_S
    server: "PostOffice"

    def handle(self) -> None:
        self._say("220 post office")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                self.server.mails.append(self._read_mail())
            self._say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return

    def _read_mail(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class PostOffice(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[bytes] = []

    def letters(self) -> list[Message]:
        return [message_from_bytes(mail) for mail in self.mails]

    def only_mail(self) -> Message:
        (mail,) = self.letters()
        return mail


@contextmanager
def open_post_office() -> Iterator[PostOffice]:
    """Take mails in for as long as the block lasts."""
    office = PostOffice()
    thread = threading.Thread(target=office.serve_forever, daemon=True)
    thread.start()
    try:
        yield office
    finally:
        office.shutdown()
        office.server_close()
        thread.join(10)


def text_of(message: Message) -> str:
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()
