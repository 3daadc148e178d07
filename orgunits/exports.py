"""Lists as CSV, sent while they are read; cells that a spreadsheet would run are made harmless."""

from collections.abc import Iterable

from defusedcsv import csv
from django.http import StreamingHttpResponse


class _Line:
    """A file that hands back what is written to it, so that rows can be streamed."""

    def write(self, value: str) -> str:
        return value


def as_csv(name: str, header: Iterable[str], rows: Iterable[Iterable]) -> StreamingHttpResponse:
    """The file `name` with `rows` under `header`; `rows` are asked for one by one.

    Every cell stands on one line: defusedcsv looks at the first letter only, and a spreadsheet skips a tab or a
    line break before it.
    """
    writer = csv.writer(_Line())

    def lines():
        yield writer.writerow(header)
        for row in rows:
            yield writer.writerow([" ".join(str(cell).split()) for cell in row])

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
