"""Imports and foreign keys go one way: orgunits → connections → scheduling → provisioning → config."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from django.apps import apps
from django.conf import settings

FLOORS = ("orgunits", "connections", "scheduling", "provisioning", "config")


def test_the_contracts_of_pyproject_hold():
    linter = Path(sys.executable).with_name("lint-imports")

    ended = subprocess.run(
        [linter, "--no-cache"], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 broken" in ended.stdout


def test_nothing_of_the_portal_imports_the_sandbox():
    graph = grimp.build_graph(*FLOORS, cache_dir=None)
    sandbox = {"connections.sandbox", *graph.find_descendants("connections.sandbox")}

    users = {user for module in sandbox for user in graph.find_modules_that_directly_import(module)} - sandbox

    assert users == set()


@pytest.mark.parametrize(
    "model", [m for m in apps.get_models() if m._meta.app_label in FLOORS], ids=lambda m: m._meta.label
)
def test_no_foreign_key_points_upstairs(model):
    floor = FLOORS.index(model._meta.app_label)

    for field in model._meta.get_fields():
        if field.is_relation and field.concrete and field.related_model is not None:
            target = field.related_model._meta.app_label
            assert target not in FLOORS[floor + 1 :], f"{model._meta.label}.{field.name} → {target}"
