from itertools import islice

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from streams.meetings.default_presets import default_presets

_BATCH = 700


def make_default_presets(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give the apps that there are what each new one begins with."""
    Preset = apps.get_model("streams", "Preset")
    app_ids = apps.get_model("streams", "App").objects.values_list("pk", flat=True)
    contents = default_presets()
    made = (Preset(app_id=app_id, **values) for app_id in app_ids for values in contents)
    while batch := list(islice(made, _BATCH)):
        Preset.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [("streams", "0020_meetings")]

    operations = [migrations.RunPython(make_default_presets, migrations.RunPython.noop)]
