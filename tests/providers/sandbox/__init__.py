import pytest

pytest.register_assert_rewrite("tests.providers.sandbox.google_client")
