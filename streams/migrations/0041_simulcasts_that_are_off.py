"""Simulcasts that are not enabled are shown as such by their state, too."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def switch_off(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give them the state that they would have been given."""
    outputs = apps.get_model("streams", "Output").objects
    outputs.filter(type="simulcast", enabled=False).update(push_state="disabled")


class Migration(migrations.Migration):
    dependencies = [("streams", "0040_simulcast_states")]

    operations = [migrations.RunPython(switch_off, migrations.RunPython.noop)]
