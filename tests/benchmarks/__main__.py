"""`make bench`: each figure one line `name: value unit (goal <= N)`, a ratio of two things timed in this run.

`make bench ARGS=members` runs the figures whose name begins so. Ends with 1 when a goal is missed.
"""

import os
import sys
from collections.abc import Callable
from types import ModuleType

import django


def main(wanted: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.conf import settings
    from django.test.utils import get_runner, setup_test_environment

    from tests.benchmarks import access, directory, jobs, members, memory, pages, provisioning, push, sync

    setup_test_environment()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        modules = (sync, members, access, jobs, memory, pages, push, directory, provisioning)
        return sum([_run(module, wanted) for module in modules]) and 1
    finally:
        runner.teardown_databases(databases)


def _run(module: ModuleType, wanted: str) -> int:
    """Run the module's benchmarks that are wanted; answers how many goals were missed."""
    missed = 0
    benchmarks: list[Callable] = module.BENCHMARKS
    for benchmark in benchmarks:
        if any(name.startswith(wanted) for name in benchmark.figures):
            for figure in benchmark():
                print(figure, flush=True)  # noqa: T201 this is what a benchmark is for
                missed += not figure.reached
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
