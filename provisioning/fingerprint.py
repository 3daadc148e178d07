"""One text over everything a plan is made from: the same text, and the same plan would be made again.

PostgreSQL (14 or newer) adds up a hash of each row, so that a directory of 100,000 people in which nothing happened
costs a fraction of a second and no memory here.
"""

from datetime import date

from django.db import connection as database

from connections.models import Connection

# Each answers one number; the order of rows does not matter.
_PARTS = (
    # what the directory told, and who is whom
    """SELECT sum(hash_record_extended(ROW(id, digest, absences, deleted_at IS NULL, member_id), 0))
       FROM connections_directoryperson WHERE connection_id = %(connection)s""",
    """SELECT sum(hash_record_extended(ROW(id, member_id, absences > 0, deleted_at IS NULL, employee_id), 0))
       FROM connections_directoryperson
       WHERE unit_id = %(unit)s AND connection_id <> %(connection)s AND member_id IS NOT NULL""",
    """SELECT sum(hash_record_extended(ROW(g.id, g.external_id, g.everybody, g.absent_since IS NULL,
         coalesce(g.absent_since < (SELECT started_at FROM connections_directoryreading
           WHERE connection_id = %(connection)s AND whole AND state = 'complete'
           ORDER BY started_at DESC LIMIT 1), false), p.n), 0))
       FROM connections_directorygroup g
       LEFT JOIN (SELECT directorygroup_id, sum(hashint8extended(directoryperson_id, 0)) AS n
                  FROM connections_directorygroup_members GROUP BY 1) p ON p.directorygroup_id = g.id
       WHERE g.connection_id = %(connection)s AND EXISTS (
         SELECT FROM provisioning_provisioningrule
         WHERE connection_id = %(connection)s AND kind = 'group' AND removed_at IS NULL)""",
    """SELECT sum(hash_record_extended(ROW(from_directorygroup_id, to_directorygroup_id), 0))
       FROM connections_directorygroup_children c
       JOIN connections_directorygroup g ON g.id = c.from_directorygroup_id
       WHERE g.connection_id = %(connection)s""",
    # who is here, as what, and by whom
    """SELECT sum(hash_record_extended(ROW(id, email, state, came_by, given_name, family_name, department,
         name_sources, time_zone, time_zone_source, working_hours, working_hours_source), 0))
       FROM orgunits_member WHERE unit_id = %(unit)s AND erased_at IS NULL""",
    """SELECT sum(hash_record_extended(ROW(member_id, role, by_hand, by_rule), 0))
       FROM orgunits_rolegrant WHERE unit_id = %(unit)s AND application_id IS NULL""",
    """SELECT sum(hash_record_extended(ROW(g.rule_id, g.member_id, g.role), 0))
       FROM provisioning_rulegrant g JOIN provisioning_provisioningrule r ON r.id = g.rule_id
       WHERE r.unit_id = %(unit)s""",
    # what people decided
    """SELECT sum(hash_record_extended(ROW(id, "order", kind, "values", attribute, nested, role,
         time_zone, working_hours, on_leaving, active, removed_at), 0))
       FROM provisioning_provisioningrule WHERE connection_id = %(connection)s""",
    """SELECT sum(hash_record_extended(ROW(d.person_id, d.member_id, d.same), 0))
       FROM provisioning_pairdecision d WHERE d.unit_id = %(unit)s""",
    """SELECT sum(hash_record_extended(ROW(member_id, until, until > %(today)s), 0))
       FROM provisioning_kept WHERE unit_id = %(unit)s""",
    """SELECT sum(hashint8extended(member_id, 0)) FROM provisioning_offboarding
       WHERE unit_id = %(unit)s AND undone_at IS NULL AND ended_at IS NULL AND clause <> ''""",
)


def fingerprint(connection: Connection, *, today: date, incomplete: bool) -> str:
    """64 hexadecimal digits over the inputs of a plan for this directory."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT encode(sha256(convert_to(concat_ws('/', "
            + ", ".join(f"coalesce(({part})::text, '')" for part in _PARTS)
            + "), 'UTF8')), 'hex')",
            {"connection": connection.pk, "unit": connection.unit_id, "today": today},
        )
        (digest,) = cursor.fetchone()
    return f"{digest}{'-' if incomplete else '+'}"
