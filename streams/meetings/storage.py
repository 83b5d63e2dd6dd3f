"""Where recordings of a meeting are to go: what anybody may read of that, and what nobody is shown again."""

import json
import uuid
from collections.abc import Mapping
from typing import cast

from livehub.core import crypto

_SECRETS = frozenset({"access_key", "secret", "password", "private_key"})


def split(storage: Mapping[str, object]) -> tuple[dict[str, object], str]:
    """Return what may be shown of a storage, and its secrets under our key; empty when it has none."""
    secrets = {name: value for name, value in storage.items() if name in _SECRETS}
    shown = {name: value for name, value in storage.items() if name not in _SECRETS}
    return {"id": str(uuid.uuid4()), **shown}, crypto.encrypt(json.dumps(secrets)) if secrets else ""


def read_secrets(encrypted: str) -> dict[str, str]:
    """Return a storage's secrets by name, for who writes to it.

    :raises UndecryptableSecretError: when they are under none of our keys.
    """
    return cast(dict[str, str], json.loads(crypto.decrypt(encrypted))) if encrypted else {}
