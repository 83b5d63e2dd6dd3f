"""The audit log is append-only, whoever writes to it."""

from django.db import migrations

_FORWARD = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'streams_auditentry is append-only';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON streams_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
"""
_BACKWARD = "DROP TRIGGER audit_is_append_only ON streams_auditentry; DROP FUNCTION refuse_audit_change();"


class Migration(migrations.Migration):
    dependencies = [("streams", "0001_initial")]
    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]
