"""The portal's settings as tests, tools and benchmarks use them: a database of its own, no secrets, no waiting.

What the environment says comes first, so DATABASE_URL tries the tests on another server.
"""

import os

for _name, _value in {
    "EMBEDDED_POSTGRES": "test-postgres",
    "PORTAL_URL": "http://localhost",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "SECRET_KEY": "signs nothing outside a test " * 2,
    "ENCRYPTION_KEYS": "c2VhbHMgbm90aGluZyBvdXRzaWRlIGEgdGVzdCBydW4=",
}.items():
    os.environ.setdefault(_name, _value)

from config.settings import *  # noqa: E402
from config.settings import STORAGES  # noqa: E402

# Stretching passwords takes a second per sign-in, and static files need not be collected first.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
