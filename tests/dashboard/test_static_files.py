"""Static files under hashed names, as `collectstatic` leaves them for nginx."""

import json
import re
from pathlib import Path

from django.conf import LazySettings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

from streams.templatetags.dashboard import icon

_ICON = re.compile(r"""\{%[^%]*\bicon[\s=]+["']([a-z0-9-]+)["']""")


class TestHashedStaticFiles:
    def test_our_modules_import_each_other_by_hashed_name(self, settings: LazySettings, tmp_path: Path) -> None:
        settings.STATIC_ROOT = tmp_path
        settings.STORAGES = {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "livehub.static_storage.HashedStaticFilesStorage"},
        }

        call_command("collectstatic", verbosity=0, interactive=False)

        imports = [
            (module, name)
            for module in (tmp_path / "livehub" / "js").glob("*.js")
            if re.search(r"\.[0-9a-f]{12}\.js$", module.name)
            for name in re.findall(r"""(?:import|from)\s*\(?["'](\.[^"']+)["']""", module.read_text())
        ]
        assert len(imports) >= 8
        for module, name in imports:
            assert re.search(r"\.[0-9a-f]{12}\.js$", name), (module.name, name)
            assert (module.parent / name).exists(), (module.name, name)
        assert staticfiles_storage.url("livehub/js/page.js") != "/static/livehub/js/page.js"


class TestVendoredAssets:
    def test_sprite_has_every_icon_that_a_page_uses(self, settings: LazySettings) -> None:
        sprite = next((settings.BASE_DIR / "static" / "vendor").glob("lucide-static@*/sprite.svg")).read_text()
        pages = (settings.BASE_DIR / "templates").rglob("*.html")

        used = {name for page in pages for name in _ICON.findall(page.read_text())}

        assert used
        assert {name for name in used if f'id="{name}"' not in sprite} == set()
        assert "lucide-static%401.62.0/sprite.svg#radio" in icon("radio")

    def test_every_package_has_its_licence(self, settings: LazySettings) -> None:
        folders = [path for path in (settings.BASE_DIR / "static" / "vendor").iterdir() if path.is_dir()]

        assert len(folders) == 6
        assert [folder.name for folder in folders if not (folder / "LICENSE").stat().st_size] == []

    def test_player_styles_are_allowed_one_by_one(self, settings: LazySettings) -> None:
        hashes = json.loads(
            next((settings.BASE_DIR / "static" / "vendor").glob("media-chrome@*/style-hashes.json")).read_text()
        )

        assert len(hashes) > 10
        assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", entry) for entry in hashes)
