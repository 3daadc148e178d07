"""Busy time of events turned into bare spans, as a free/busy answer has them: no id says whose event it was."""

from django.db import connections
from django.db.models import QuerySet

from .models import BusyPeriod, MemberCalendar

_TABLE = BusyPeriod._meta.db_table
# Spans of one calendar and kind that overlap or touch become one, as `periods.merged` joins them. All parts of
# the statement see the rows as they were before it, so what is inserted is not deleted again.
_MERGE = """
WITH ordered AS (
    SELECT id, calendar_id, member_id, kind, starts, ends, max(ends) OVER (
        PARTITION BY calendar_id, kind ORDER BY starts, ends, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS ends_before
    FROM {table} WHERE calendar_id IN ({calendars})
), numbered AS (
    SELECT *, sum(CASE WHEN starts <= ends_before THEN 0 ELSE 1 END) OVER (
        PARTITION BY calendar_id, kind ORDER BY starts, ends, id
    ) AS number
    FROM ordered
), spans AS MATERIALIZED (
    SELECT calendar_id, member_id, kind, min(starts) AS starts, max(ends) AS ends,
        concat(min(starts), '-', max(ends), '-', kind) AS provider_id
    FROM numbered GROUP BY calendar_id, member_id, kind, number
), gone AS (
    DELETE FROM {table} b WHERE b.calendar_id IN ({calendars}) AND NOT EXISTS (
        SELECT FROM spans s WHERE s.calendar_id = b.calendar_id AND s.provider_id = b.provider_id
    )
)
INSERT INTO {table} (calendar_id, member_id, provider_id, starts, ends, kind)
SELECT calendar_id, member_id, provider_id, starts, ends, kind FROM spans s WHERE NOT EXISTS (
    SELECT FROM {table} b WHERE b.calendar_id = s.calendar_id AND b.provider_id = s.provider_id
)
"""


def to_bare_spans(calendars: QuerySet[MemberCalendar]) -> None:
    """Rewrite the busy time of these calendars in one statement: whoever reads meanwhile sees all of it.

    The caller holds the transaction, and the rows of the calendars.
    """
    chosen, values = calendars.order_by().values("pk").query.sql_with_params()
    with connections[calendars.db].cursor() as cursor:
        cursor.execute(_MERGE.format(table=_TABLE, calendars=chosen), [*values, *values])
