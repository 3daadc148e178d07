"""A worker cluster on the benchmarks' database: `cluster DATABASE 1` with django-q2's defaults, `0` with ours."""

import sys

import django
from django.conf import settings


def main(name: str, defaults: bool) -> None:
    settings.DATABASES["default"]["NAME"] = name
    if defaults:
        settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
        settings.Q_CLUSTER = {"name": settings.Q_CLUSTER["name"], "orm": "default", "workers": 2}
    django.setup()
    from django.core.management import call_command

    call_command("qcluster")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "1")
