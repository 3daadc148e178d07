"""A process that follows one directory after a reading, and prints the most memory it ever held, in bytes."""

import os
import sys

import django


def main(connection_id: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from connections.models import Connection
    from tests.benchmarks.provisioning import follow
    from tests.benchmarks.reader import peak

    follow(Connection.objects.get(pk=connection_id))
    print(peak())  # noqa: T201 the answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
