"""What of the npm packages is served."""

import pytest
from django.contrib.staticfiles import finders

from config.assets import FILES


@pytest.mark.parametrize("name", FILES)
def test_each_named_file_is_there(name):
    assert finders.find(name).endswith(name)


@pytest.mark.parametrize(
    "name", ["@tabler/core/package.json", "axe-core/axe.min.js", "@tabler/../axe-core/axe.min.js"]
)
def test_nothing_else_of_a_package_is_served(name):
    assert finders.find(name) is None
