"""Every change of credentials gives them another revision: by triggers, so that nothing that changes one can forget it."""

from django.db import migrations, models

# A key's use is no change of it; any other column is, also one that is added later. Apps and organizations change
# rarely, so whatever is done to one is a change.
_FORWARD = """
CREATE FUNCTION mark_credential_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO streams_credentialrevision (id, revision) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision;
    RETURN NULL;
END $$;
CREATE TRIGGER credential_change_of_key AFTER UPDATE ON streams_apikey FOR EACH ROW
    WHEN (to_jsonb(OLD) - 'last_used_at' IS DISTINCT FROM to_jsonb(NEW) - 'last_used_at')
    EXECUTE FUNCTION mark_credential_change();
CREATE TRIGGER credential_change_by_deletion AFTER DELETE ON streams_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION mark_credential_change();
CREATE TRIGGER credential_change_by_app AFTER UPDATE OR DELETE ON streams_app
    FOR EACH STATEMENT EXECUTE FUNCTION mark_credential_change();
CREATE TRIGGER credential_change_by_organization AFTER UPDATE OR DELETE ON streams_organization
    FOR EACH STATEMENT EXECUTE FUNCTION mark_credential_change();
"""
_BACKWARD = """
DROP TRIGGER credential_change_of_key ON streams_apikey;
DROP TRIGGER credential_change_by_deletion ON streams_apikey;
DROP TRIGGER credential_change_by_app ON streams_app;
DROP TRIGGER credential_change_by_organization ON streams_organization;
DROP FUNCTION mark_credential_change();
"""


class Migration(migrations.Migration):
    dependencies = [("streams", "0005_audit_entries")]
    operations = [
        migrations.CreateModel(
            name="CredentialRevision",
            fields=[
                ("id", models.SmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("revision", models.UUIDField(editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="credential_revision_is_one_row")
                ],
            },
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
