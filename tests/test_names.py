"""One name for one thing: no two classes of the product share theirs."""

import ast
from collections import defaultdict
from pathlib import Path

from django.conf import settings

# Django finds management commands by their module, and wants them all called so.
_GIVEN_BY_DJANGO = {"Command"}


def _classes_of(path: Path) -> list[str]:
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def test_every_class_has_a_name_of_its_own() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for package in ("livehub", "streams", "analytics", "webhooks"):
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*.py")):
            for name in _classes_of(path) if "migrations" not in path.parts else []:
                modules[name].append(str(path.relative_to(settings.BASE_DIR)))

    # Private ones are nobody else's business.
    public = {
        name: paths for name, paths in modules.items() if not name.startswith("_") and name not in _GIVEN_BY_DJANGO
    }
    assert len(public) > 100
    assert {name: paths for name, paths in public.items() if len(paths) > 1} == {}
