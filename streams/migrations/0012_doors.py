"""The audit log is not emptied either: TRUNCATE asks no trigger of single rows."""

from django.db import migrations

_FORWARD = """
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON streams_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
"""
_BACKWARD = "DROP TRIGGER audit_is_never_emptied ON streams_auditentry;"


class Migration(migrations.Migration):
    dependencies = [("streams", "0011_login_doors")]
    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]
