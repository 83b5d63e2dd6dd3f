"""What people may call things."""

import re
import unicodedata

from livehub.core.errors import ValidationFailedError

NAME_MAX_LENGTH = 255
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})

# What no reader sees, or what turns the text around it: with one of these a name looks like another name.
# Source: Unicode, Default_Ignorable_Code_Point, without those below; and the blank braille pattern.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff"
    r"\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
# Emoji, and words in many scripts, are spelt with these: joiners, the choice of a variant, and the letters that make
# a region's flag of a black one. Elsewhere nobody sees them: after a blank, a Latin, Greek or Cyrillic letter.
_JOINERS = r"\u200c\u200d"
_VARIANTS = r"\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = r"\U000e0020-\U000e007f"
_NOT_JOINED = rf"\u0000-\u052f\s{_JOINERS}"
# The same but #, *, the digits, (c) and (r), of which there are emoji.
_NOT_VARIED = rf"\u0000-\u0022\u0024-\u0029\u002b-\u002f\u003a-\u00a8\u00aa-\u00ad\u00af-\u052f\s{_JOINERS}{_VARIANTS}"
_HIDDEN = re.compile(
    rf"[{_UNSEEN}]"
    rf"|(?<![^{_NOT_JOINED}])[{_JOINERS}]|[{_JOINERS}](?=\s|\Z)"
    rf"|(?<![^{_NOT_VARIED}])[{_VARIANTS}]"
    rf"|(?<![\U0001f3f4{_TAGS}])[{_TAGS}]"
)


def check_name(name: str, *, field: str = "name") -> str:
    """Return the name without surrounding blanks, if it is printable text of at most 255 characters.

    :raises ValidationFailedError: when it is too long, or holds what nobody can see: control characters, lone
        surrogates, or characters that hide in a name or turn it around.
    """
    name = name.strip(" ")
    complaints = []
    if len(name) > NAME_MAX_LENGTH:
        complaints.append(f"Use at most {NAME_MAX_LENGTH} characters; this has {len(name)}.")
    if any(unicodedata.category(character) in _CONTROL for character in name):
        complaints.append("Use printable characters only: no control characters, line breaks or lone surrogates.")
    if hidden := _HIDDEN.search(name):
        complaints.append(
            f"Take out the invisible character U+{ord(hidden[0]):04X} at position {hidden.start() + 1}, or type the "
            "name anew: it may have come along with copied text."
        )
    if complaints:
        raise ValidationFailedError("The name cannot be used.", fields={field: complaints})
    return name
