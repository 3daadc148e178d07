"""Reads what is due of a connection, job by job: `reader CONNECTION`. Prints by how many bytes this process grew."""

import re
import sys
from pathlib import Path

import django
import psutil


def main(connection_id: int) -> None:
    django.setup()
    from connections import jobs
    from tests.worker import run_waiting_jobs

    before = psutil.Process().memory_info().rss
    jobs.start_reading(connection_id)
    run_waiting_jobs()
    print(peak() - before)  # noqa: T201 the one who started this reads it


def peak() -> int:
    """The most memory this process ever had, in bytes; `getrusage` would tell its parent's, from before exec."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
