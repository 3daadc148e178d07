"""The audit log can only grow: a trigger refuses UPDATE, DELETE and TRUNCATE."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON orgunits_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON orgunits_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_no_truncate ON orgunits_auditevent;
DROP TRIGGER audit_no_change ON orgunits_auditevent;
DROP FUNCTION audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("orgunits", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
