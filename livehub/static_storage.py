"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from collections.abc import Callable
from re import Match

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStaticFilesStorage(ManifestStaticFilesStorage):
    """Follows the imports of our own ES modules; everybody else's scripts stay exactly as their makers published them.

    Those are single files, and what looks like a reference in them (a source map that is not shipped, an import in a
    comment) is none.
    """

    support_js_module_import_aggregation = True

    def url_converter(  # type: ignore[override]  # The stubs describe Django 6, which has one more argument.
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[Match[str]], str]:
        if name.endswith(".js") and not name.startswith("livehub/"):
            return lambda match: match[0]
        convert: Callable[[Match[str]], str] = super().url_converter(name, hashed_files, template)
        return convert
