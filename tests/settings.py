"""The portal's settings as tests, tools and benchmarks use them: a database of its own, no secrets, no waiting.

What the environment says comes first, so DATABASE_URL tries the tests on another server.
"""

import os
import socket
import tempfile

# The portal's tests reach the sandbox here; it starts when a test asks for it.
with socket.socket() as _probe, socket.socket() as _mail_probe:
    _probe.bind(("127.0.0.1", 0))
    _mail_probe.bind(("127.0.0.1", 0))
    _sandbox_port, _smtp_port = _probe.getsockname()[1], _mail_probe.getsockname()[1]
_sandbox_home = tempfile.mkdtemp(prefix="convoke-sandbox-")

_of_the_sandbox = {
    "SANDBOX_URL": f"http://127.0.0.1:{_sandbox_port}",
    "SANDBOX_SMTP_PORT": str(_smtp_port),
    "SANDBOX_HOME": _sandbox_home,
    "GOOGLE_SERVICE_ACCOUNT_FILE": f"{_sandbox_home}/service-accounts/installation.json",
    "DNS_SERVER": f"127.0.0.1:{_sandbox_port}",
    "PROVIDER_CALL_LOG": f"{_sandbox_home}/provider-calls.jsonl",
}
_ours = {name for name in _of_the_sandbox if name not in os.environ}
for _name, _value in {
    **_of_the_sandbox,
    "EMBEDDED_POSTGRES": "test-postgres",
    "PORTAL_URL": "http://localhost",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "SECRET_KEY": "signs nothing outside a test " * 2,
    "ENCRYPTION_KEYS": "c2VhbHMgbm90aGluZyBvdXRzaWRlIGEgdGVzdCBydW4=",
}.items():
    os.environ.setdefault(_name, _value)

from config.settings import *  # noqa: E402
from config.settings import STORAGES  # noqa: E402

for _name in _ours:  # test workers inherit this environment, but each of them starts a sandbox of its own
    del os.environ[_name]

# Stretching passwords takes a second per sign-in, and static files need not be collected first.
MFA_REQUIRED = False  # its own tests switch it on
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", "orgunits.hashers.RandomSecretHasher"]
DIRECTORY_SNAPSHOT_HOURS = 0  # its own tests set it
REAUTHENTICATION = False  # its own tests switch it on
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
