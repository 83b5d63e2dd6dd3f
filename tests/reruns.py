"""What lets a test run again on the stack of its first run, which failed somewhere and has left what it had made."""

import secrets
import subprocess

from tests.stack.whole import RunningStack

_DISABLE_WHAT_IS_LIVE = """
from streams.livestreams.services import disable_livestream
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM
for livestream in Livestream.objects.existing().filter(pk__in=Session.objects.open().values("livestream")):
    disable_livestream(livestream=livestream, actor=SYSTEM)
"""


def unused_name(name: str) -> str:
    """Return a name that nothing of an earlier run has."""
    return f"{name} {secrets.token_hex(3)}"


def unused_email(person: str) -> str:
    """Return an address at which nobody has an account."""
    return f"{person}-{secrets.token_hex(3)}@livehub.example"


def end_broadcasts(stack: RunningStack) -> str:
    """End what is live, which would keep the machine busy, and be counted; return what went wrong, mostly nothing."""
    try:
        stack.manage("shell", "--no-imports", "--command", _DISABLE_WHAT_IS_LIVE)
    except (OSError, subprocess.SubprocessError) as error:
        # A program that was stopped, for one: the test itself is told of, whatever is left.
        return f"{error}\n{getattr(error, 'stderr', '')}"
    return ""
