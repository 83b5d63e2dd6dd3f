"""What people may call things."""

import unicodedata

from livehub.core.errors import ValidationFailedError

NAME_MAX_LENGTH = 255
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_name(name: str, *, field: str = "name") -> str:
    """Return the name without surrounding blanks, if it is printable text of at most 255 characters.

    :raises ValidationFailedError: when it is too long, or holds control characters or lone surrogates.
    """
    name = name.strip(" ")
    complaints = []
    if len(name) > NAME_MAX_LENGTH:
        complaints.append(f"Use at most {NAME_MAX_LENGTH} characters; this has {len(name)}.")
    if any(unicodedata.category(character) in _CONTROL for character in name):
        complaints.append("Use printable characters only: no control characters, line breaks or lone surrogates.")
    if complaints:
        raise ValidationFailedError("The name cannot be used.", fields={field: complaints})
    return name
