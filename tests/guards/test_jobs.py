"""Jobs: every name resolves, arguments are ids and numbers only, and none is started twice by the clock."""

import ast
import inspect
import json
from datetime import datetime

import pytest
from croniter import croniter
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage

from config.schedules import TIMETABLE, sync_schedules
from connections import jobs
from tests.builders import make_members
from tests.connecting import connect
from tests.people import make_company

# Runs again what was in the queue before, under the name it had there.
REPEATS = "config/failed_jobs.py"
APPS = ("config", "orgunits", "connections", "scheduling", "provisioning")


def names_given_to_the_queue() -> dict[str, str]:
    """What stands as first argument of every `async_task` and `schedule` call, and where."""
    found = {}
    for app in APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if path == settings.BASE_DIR / REPEATS:
                continue
            tree = ast.parse(path.read_text())
            constants = {
                target.id: node.value.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"async_task", "schedule"}:
                    job = node.args[0]
                    name = constants.get(job.id) if isinstance(job, ast.Name) else getattr(job, "value", None)
                    assert isinstance(name, str), (
                        f"{path.name}: {ast.unparse(node)} names its job no one can find"
                    )
                    found[name] = path.name
    return found


@pytest.mark.parametrize("entry", TIMETABLE, ids=lambda entry: entry.name)
def test_everything_on_the_timetable_resolves_and_needs_no_arguments(entry):
    job = import_string(entry.job)

    assert callable(job)
    assert not inspect.signature(job).parameters
    assert croniter.is_valid(entry.cron)


def test_everything_that_is_enqueued_resolves():
    names = names_given_to_the_queue()

    assert jobs.SLICE in names
    for name in names:
        assert callable(import_string(name)), name


def test_a_job_takes_only_ids_and_numbers():
    for name, job in vars(jobs).items():
        if (
            inspect.isfunction(job)
            and job.__module__ == jobs.__name__
            and not name.startswith(("enqueue", "_"))
        ):
            if name == "slices_waiting":
                continue
            kinds = {parameter.annotation for parameter in inspect.signature(job).parameters.values()}
            assert kinds <= {int, float, str, list[int]}, f"{name}: {kinds}"


@pytest.mark.django_db
@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_the_queue_holds_ids_and_numbers_only(providers, provider):
    company = make_company()
    addresses = {
        "google": ["lukas.martin38@kube.example", "pia.bauer11@kube.example"],
        "microsoft": ["lucas.hansen68@sigs.example"],
    }
    make_members(company.unit, addresses[provider])
    connect(company.unit, provider, "free_busy", providers, by=company.olga)

    waiting = list(OrmQ.objects.all())

    assert waiting
    seen = 0
    while waiting:
        row = waiting.pop()
        row.delete()
        task = SignedPackage.loads(row.payload)
        assert not task["kwargs"]
        assert all(is_number(value) for value in flat(task["args"])), task["args"]
        assert "@" not in json.dumps([task["name"], task["func"]])
        import_string(task["func"])(*task["args"])
        waiting += list(OrmQ.objects.exclude(pk__in=[row.pk for row in waiting]))
        seen += 1
        if seen > 6:
            break
    assert seen >= 2  # the slices themselves were among them


def flat(values) -> list:
    return [
        part for value in values for part in (flat(value) if isinstance(value, list | tuple) else [value])
    ]


def is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- the queue's settings


@pytest.mark.django_db
def test_a_job_is_never_taken_for_lost_while_it_may_still_run():
    queue = settings.Q_CLUSTER

    assert queue["retry"] > queue["timeout"]
    assert queue["queue_limit"] <= queue["workers"] or queue["queue_limit"] <= 2
    assert queue["max_attempts"] > 1
    assert not queue["ack_failures"]
    assert queue["orm"] == "default"
    assert isinstance(get_broker(), ORM)
    assert get_broker().info() == "ORM default"


def test_no_success_is_kept_since_each_kept_one_costs_a_lock():
    assert settings.Q_CLUSTER["save_limit"] in {0, -1}
    assert settings.DATABASES["default"]["CONN_MAX_AGE"] > 0


# --- the timetable in the queue


@pytest.mark.django_db
def test_the_queues_timetable_equals_ours_however_often_it_is_written():
    Schedule.objects.create(name="of yesterday", func="gone.job")

    for _ in range(2):
        sync_schedules()

    rows = Schedule.objects.values_list("name", "func", "cron", "schedule_type", "repeats")
    assert sorted(rows) == sorted((e.name, e.job, e.cron, Schedule.CRON, -1) for e in TIMETABLE)


@pytest.mark.django_db
def test_writing_it_again_does_not_put_off_what_is_due():
    sync_schedules()
    due = datetime(2026, 1, 1, tzinfo=timezone.get_default_timezone())
    Schedule.objects.update(next_run=due)

    sync_schedules()

    assert set(Schedule.objects.values_list("next_run", flat=True)) == {due}


@pytest.mark.django_db
@pytest.mark.parametrize("entry", TIMETABLE, ids=lambda entry: entry.name)
def test_every_job_of_the_timetable_runs_in_an_empty_portal_and_twice(entry):
    for _ in range(2):
        import_string(entry.job)()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("job", "args"),
    [
        (jobs.start_reading, [4711]),
        (jobs.read_slice, [4711, [1, 2], 0.0]),
        (jobs.check_connection, [4711]),
    ],
)
def test_a_job_about_something_that_is_gone_ends_quietly(job, args):
    job(*args)
