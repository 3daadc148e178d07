"""The first page, with everything it loads, compressed as it travels, weighs at most 200 kB (P17)."""

import gzip
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

MOST = 200_000  # bytes
LOADED = re.compile(r'(?:href|src)="/?static/([^"?]+)')


@pytest.mark.django_db
def test_the_first_page_weighs_at_most_200_kb():
    page = Client().get(reverse("account_login")).content

    weights = {"the page": len(gzip.compress(page))}
    for name in set(LOADED.findall(page.decode())):
        weights[name] = len(gzip.compress(Path(finders.find(unquote(name))).read_bytes()))

    assert any(name.endswith("tabler.min.css") for name in weights)
    assert any("htmx" in name for name in weights)
    assert sum(weights.values()) <= MOST, weights
