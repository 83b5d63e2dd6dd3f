"""docs/settings.md names every setting with its default, and no other."""

import re
from pathlib import Path

import livehub.settings
from livehub.core.env import DECLARED, Setting

DOCUMENT = Path(livehub.settings.BASE_DIR) / "docs" / "settings.md"
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>.*?) \| (?P<unit>.*?) \| (?P<purpose>.*?) \|$", re.MULTILINE)


def row(setting: Setting) -> dict[str, str]:
    return {
        "name": setting.name,
        "default": f"`{setting.default}`" if setting.default else "",
        "unit": setting.unit.replace("<", "\\<"),
        "purpose": setting.purpose,
    }


def test_every_setting_is_documented_as_it_is() -> None:
    documented = {match["name"]: match.groupdict() for match in ROW.finditer(DOCUMENT.read_text())}

    assert documented == {setting.name: row(setting) for setting in DECLARED.values()}
