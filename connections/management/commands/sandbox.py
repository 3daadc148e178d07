import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Starts the provider sandbox, a server of its own that answers as Google and Microsoft."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--port", default=os.environ.get("SANDBOX_PORT", "8900"))
        parser.add_argument("--home", default="var/sandbox")

    def handle(self, *, port: str, home: str, **options) -> None:
        arguments = ["-m", "connections.sandbox", "--port", str(port), "--home", home]
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 our own program, no shell
