"""What several pages need: finding a row of this unit."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from connections.models import Connection
from connections.states import State
from orgunits.models import OrganizationalUnit
from provisioning import plan_list
from provisioning.models import Plan, ProvisioningRule

RIGHT = "manage_members"


def directory_of(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The unit's directory with this public id, with its policy; or 404. One that is disconnected is none."""
    rows = unit.connections.directories().exclude(state=State.DISCONNECTED)
    return get_object_or_404(rows.select_related("unit", "policy"), public_id=connection_id)


def rule_of(connection: Connection, rule_id: str) -> ProvisioningRule:
    """The rule of this directory with this public id, or 404; removed ones are gone."""
    rows = connection.provisioning_rules.filter(removed_at=None).select_related("unit", "connection__unit")
    return get_object_or_404(rows, public_id=rule_id)


def plan_of(unit: OrganizationalUnit, plan_id: str) -> Plan:
    """The unit's plan with this public id, as `plan_list` reads it; or 404."""
    plan = plan_list.plan_of(unit, plan_id)
    if plan is None:
        raise Http404
    return plan
