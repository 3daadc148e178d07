"""Every row hangs from a unit by a key that is never empty and goes with the unit; exceptions are listed."""

import pytest
from django.apps import apps
from django.db import models

from orgunits.models import OrganizationalUnit

OURS = {"config", "orgunits", "connections", "scheduling", "provisioning"}
MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]

# Rows that belong to no unit, and why.
WITHOUT_UNIT = {
    "orgunits.OrganizationalUnit": "the unit itself",
    "orgunits.User": "a sign-in can be a member of several units; what it may do stands in the unit",
    "orgunits.AuditEvent": "the log outlives its unit; its unit is a plain id that pages filter by",
    "orgunits.AuditReason": "stands beside an event, which has no unit where it is about the installation",
    "orgunits.AuditName": "what an id was called; read only for ids found in a unit's own events",
}


def roads_to_unit(model: type[models.Model], seen: tuple = ()) -> list[list[models.ForeignKey]]:
    """The chains of never-empty cascading keys that lead from `model` to its unit."""
    roads = []
    for field in model._meta.concrete_fields:
        target = field.related_model
        if target is None or field.null or field.remote_field.on_delete is not models.CASCADE:
            continue
        if target is OrganizationalUnit:
            roads.append([field])
        elif target in MODELS and target not in seen:
            roads += [[field, *rest] for rest in roads_to_unit(target, (*seen, model))]
    return roads


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_row_goes_with_its_unit(model):
    label = model._meta.label

    if label in WITHOUT_UNIT:
        assert not roads_to_unit(model), f"{label} hangs from a unit: take it off the list"
    else:
        assert roads_to_unit(model), f"{label} does not hang from a unit"


def test_every_exception_is_still_a_model():
    assert set(WITHOUT_UNIT) <= {model._meta.label for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_key_of_a_unit_becomes_a_public_id(model):
    """Addresses, API and mail carry random ids; a model that people reach has one."""
    ids = [field for field in model._meta.concrete_fields if field.name == "public_id"]

    for field in ids:
        assert field.unique
        assert not field.editable
        assert len(field.get_default()) >= 24
