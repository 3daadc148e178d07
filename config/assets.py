"""The files of npm packages that we serve, by name: nothing else of node_modules can be reached."""

from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

FILES = [
    "@tabler/core/dist/css/tabler.min.css",
    "@tabler/core/dist/css/tabler.min.css.map",
    "@tabler/core/dist/js/tabler.min.js",
    "@tabler/core/dist/js/tabler.min.js.map",
]


class PackageFinder(BaseFinder):
    """Finds `FILES` for `{% static %}` and collectstatic."""

    packages = FileSystemStorage(location=settings.BASE_DIR / "node_modules", base_url=None)

    def find(self, path: str, find_all: bool = False) -> str | list[str]:
        found = [self.packages.path(path)] if path in FILES else []
        if find_all:
            return found
        return found[0] if found else []

    def check(self, **kwargs) -> list:
        return []

    def list(self, ignore_patterns: object) -> Iterator[tuple[str, FileSystemStorage]]:
        return ((name, self.packages) for name in FILES)
