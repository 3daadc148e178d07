"""All settings, grouped by topic; every value that differs between installations comes from the environment."""

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF

from config import sign_in_clients
from config.env import env, env_bool, env_date, env_https, env_int, env_list, env_required

BASE_DIR = Path(__file__).resolve().parent.parent

# --- this installation -----------------------------------------------------------------------------------------
DEBUG = env_bool("DEBUG")
SAMPLE_INSTALLATION = env_bool(
    "SAMPLE_INSTALLATION"
)  # shows the sample's sign-ins; never set it in production
SECRET_KEY = env_required("SECRET_KEY", "It signs sessions and links: 50 random characters or more.")
ENCRYPTION_KEYS = env_list("ENCRYPTION_KEYS")  # Fernet keys, the newest first; they seal provider secrets
PORTAL_URL = env_required(
    "PORTAL_URL", "The address people open, for example https://calendars.example.com."
).rstrip("/")
HTTPS = PORTAL_URL.startswith("https://")
PUBLIC_URL = env_https("PUBLIC_URL")  # where providers can reach us; empty: no push, only polling
ALLOWED_HOSTS = env_list(
    "ALLOWED_HOSTS", ",".join(urlsplit(url).hostname or "" for url in (PORTAL_URL, PUBLIC_URL))
)
WHO_CREATES_UNITS = env("WHO_CREATES_UNITS", "staff")  # staff | everyone
HAND_OFF_DAYS = env_int("HAND_OFF_DAYS", 7)

# Google and Microsoft sign people in where the operator registered a client for it.
SOCIALACCOUNT_PROVIDERS = sign_in_clients.configured(sandbox=bool(env("SANDBOX_URL")))
SIGN_IN_SERVICES = list(SOCIALACCOUNT_PROVIDERS)

# --- apps ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.sites",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    *(f"allauth.socialaccount.providers.{name}" for name in SIGN_IN_SERVICES),
    "allauth.mfa",
    "allauth.usersessions",
    "guardian",
    "oauth2_provider",
    "django_q",
    "django_htmx",
    "django_filters",
    "template_partials",
    "csp",
    "config",
    "orgunits",
    "connections",
    "connections.organization_connect",
    "scheduling",
    "provisioning",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",  # its redirect to https causes nothing worth an id
    "config.request_id.RequestIdMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.sessions.SessionLifeMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.second_factor.SecondFactorMiddleware",
    "config.viewer.ViewerMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.viewer.page_context",
            ],
            "libraries": {"ui": "config.ui"},
            "builtins": ["config.ui", "template_partials.templatetags.partials"],
        },
    }
]

# --- database: PostgreSQL only; the embedded one when DATABASE_URL is not set -----------------------------------
if env("DATABASE_URL"):
    _url = urlsplit(env("DATABASE_URL"))
    DATABASE = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(_url.path[1:]),
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        "HOST": parse_qs(_url.query).get("host", [_url.hostname or ""])[0],
        "PORT": _url.port or "",
    }
else:
    from config.embedded_postgres import database

    _home = env("EMBEDDED_POSTGRES", "postgres")
    DATABASE = database(BASE_DIR / "var" / _home, fsync=not _home.startswith("test-"))
# jit: a plan that crosses its threshold is 30 times slower for our short queries
DATABASE["OPTIONS"] = {"options": "-c jit=off -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"}
DATABASE["CONN_MAX_AGE"] = env_int("CONN_MAX_AGE", 60)
DATABASE["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# --- people and sign-in ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "orgunits.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "orgunits.hashers.RandomSecretHasher",  # of applications' secrets
]
ANONYMOUS_USER_NAME = None  # guardian: no row that stands for everybody
SITE_ID = 1
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none" if SAMPLE_INSTALLATION else "mandatory"
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before another address or service is added to a sign-in
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "config.accounts.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # identity is (issuer, subject), never an address
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Convoke"
MFA_TOTP_TOLERANCE = 1  # the code before and the next one count too: phones are often half a minute off
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_REQUIRED = env_bool("MFA_REQUIRED", True)  # for Ops Admins, Coordinators and staff
SESSION_COOKIE_AGE = 3600 * env_int("SESSION_HOURS", 12)  # however busy: then one signs in again
SESSION_IDLE_SECONDS = 3600 * env_int("SESSION_IDLE_HOURS", 8)  # without opening any page
# How often, in allauth's notation. Counted for an address as seen behind so many proxies of one's own.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",  # key: the address that was tried
    "reauthenticate": "10/m/user",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "confirm_email": "1/3m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("TRUSTED_PROXY_COUNT", 0)  # 0: X-Forwarded-For is not believed at all
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

REAUTHENTICATION = env_bool("REAUTHENTICATION", True)  # ask again who one is before dangerous acts
INVITATION_DAYS = env_int("INVITATION_DAYS", 14)
RESTORE_DAYS = 30  # a removed member or archived unit can be had back that long, then it is erased

# --- applications of integrators: django-oauth-toolkit with every model swapped ----------------------------------
OAUTH2_PROVIDER_APPLICATION_MODEL = "orgunits.Application"
OAUTH2_PROVIDER_GRANT_MODEL = "organization_connect.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "organization_connect.AccessToken"  # noqa: S105 a model's name
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "organization_connect.RefreshToken"  # noqa: S105 a model's name
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "organization_connect.IDToken"  # noqa: S105 a model's name
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "organization_connect.DeviceGrant"
OAUTH2_PROVIDER = {
    "CLIENT_SECRET_HASHER": "pbkdf2_sha256_random_secret",
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],  # an application in development may add its own machine
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    **{
        f"COMPLIANT_BCP_RFC9700_{rule}": True
        for rule in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "PKCE_REQUIRED",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_SCHEME",
            "REDIRECT_URI_MATCHING",
        )
    },
}

# --- providers -------------------------------------------------------------------------------------------------
SANDBOX_URL = env("SANDBOX_URL").rstrip("/")  # set: every provider address and key below is the sandbox's
SANDBOX_HOME = Path(env("SANDBOX_HOME", str(BASE_DIR / "var" / "sandbox")))
if SANDBOX_URL.startswith("http://"):
    os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the sandbox speaks plain http on this machine


def _provider_url(name: str, host: str) -> str:
    return env(name, f"{SANDBOX_URL}/{host}" if SANDBOX_URL else f"https://{host}").rstrip("/")


GOOGLE_ACCOUNTS_URL = _provider_url("GOOGLE_ACCOUNTS_URL", "accounts.google.com")
GOOGLE_OAUTH_URL = _provider_url("GOOGLE_OAUTH_URL", "oauth2.googleapis.com")
GOOGLE_API_URL = _provider_url("GOOGLE_API_URL", "www.googleapis.com")
GOOGLE_DIRECTORY_URL = _provider_url("GOOGLE_DIRECTORY_URL", "admin.googleapis.com")
GOOGLE_ADMIN_CONSOLE_URL = _provider_url("GOOGLE_ADMIN_CONSOLE_URL", "admin.google.com")
GOOGLE_CLIENT_ID = env(
    "GOOGLE_CLIENT_ID", "convoke-sandbox.apps.googleusercontent.com" if SANDBOX_URL else ""
)
GOOGLE_CLIENT_SECRET = env("GOOGLE_CLIENT_SECRET", "sandbox-google-secret" if SANDBOX_URL else "")
GOOGLE_SERVICE_ACCOUNT_FILE = env("GOOGLE_SERVICE_ACCOUNT_FILE")
GOOGLE_REQUESTS_PER_MINUTE = env_int("GOOGLE_REQUESTS_PER_MINUTE", 10_000)  # the project's published quota
MICROSOFT_LOGIN_URL = _provider_url("MICROSOFT_LOGIN_URL", "login.microsoftonline.com")
MICROSOFT_GRAPH_URL = _provider_url("MICROSOFT_GRAPH_URL", "graph.microsoft.com")
# One app registration per permission set: Microsoft's consent page asks for everything a registration holds.
_sandbox_registrations = {
    "calendar_read_write": ("a0000001-0000-4000-8000-000000000001", "sandbox-secret-calendar-read-write"),
    "calendar_free_busy": ("a0000001-0000-4000-8000-000000000002", "sandbox-secret-calendar-free-busy"),
    "directory": ("a0000001-0000-4000-8000-000000000003", "sandbox-secret-directory"),
    "directory_groups": ("a0000001-0000-4000-8000-000000000005", "sandbox-secret-directory-groups"),
}
MICROSOFT_REGISTRATIONS = {
    code: {
        "client_id": env(f"MICROSOFT_{code.upper()}_CLIENT_ID", client_id if SANDBOX_URL else ""),
        "client_secret": env(f"MICROSOFT_{code.upper()}_CLIENT_SECRET", secret if SANDBOX_URL else ""),
    }
    for code, (client_id, secret) in _sandbox_registrations.items()
}
# The last day of each key of the installation, to warn in time; without it nobody is warned.
INSTALLATION_SECRET_ENDS = {
    "service_account": env_date("GOOGLE_SERVICE_ACCOUNT_SECRET_ENDS"),
    **{code: env_date(f"MICROSOFT_{code.upper()}_SECRET_ENDS") for code in _sandbox_registrations},
}
MICROSOFT_REQUESTS_PER_MINUTE = env_int("MICROSOFT_REQUESTS_PER_MINUTE", 10_000)
REQUEST_BUDGET_PERCENT = env_int("REQUEST_BUDGET_PERCENT", 60)  # of the quota, leaving room for people
DNS_SERVER = env("DNS_SERVER")  # host:port; empty: the machine's own resolver
PROVIDER_CALL_LOG = env("PROVIDER_CALL_LOG")  # a file: one JSON line per outgoing call, without tokens
PROVIDER_TIMEOUT_SECONDS = env_int("PROVIDER_TIMEOUT_SECONDS", 15)

# --- reading calendars -----------------------------------------------------------------------------------------
WINDOW_DAYS_BACK = 14
WINDOW_DAYS_AHEAD = 201
POLL_SECONDS = env_int("POLL_SECONDS", 300)  # a mailbox is due again this long after it was read
PUSHED_POLL_SECONDS = env_int("PUSHED_POLL_SECONDS", 900)  # the same where changes are announced
PUSH_INTERVAL_SECONDS = env_int("PUSH_INTERVAL_SECONDS", 5)  # announced changes are fetched no sooner
# Two readings of a directory in which somebody is missing count as two when they began this far apart.
DIRECTORY_SNAPSHOT_HOURS = env_int("DIRECTORY_SNAPSHOT_HOURS", 6)
SYNC_SLICE = env_int("SYNC_SLICE", 50)  # mailboxes in one job
SYNC_THREADS = env_int("SYNC_THREADS", 25)  # simultaneous calls of one job; at most 4 for one mailbox

# --- jobs ------------------------------------------------------------------------------------------------------
Q_CLUSTER = {
    "name": "convoke",
    "orm": "default",
    "broker_class": "config.broker.OldestFirst",
    "workers": env_int("WORKERS", 2),
    "queue_limit": 2,  # `retry` counts from fetching: a longer queue would run tasks twice
    "timeout": 60,
    "retry": 90,
    "max_attempts": 5,
    "ack_failures": False,
    "save_limit": -1,  # successes are not kept: each would cost a lock over all of them
    "catch_up": False,
    "bulk": 1,
    "poll": 0.5,
    "recycle": 20_000,  # rarely: for the watchdog a worker that ends has died
    "label": "Jobs",
    "cache": "local",
}

# --- mail ------------------------------------------------------------------------------------------------------
if SANDBOX_URL:  # the sandbox keeps all mail
    EMAIL_HOST = env("EMAIL_HOST", "127.0.0.1")
    EMAIL_PORT = env_int("EMAIL_PORT", env_int("SANDBOX_SMTP_PORT", 8925))
    DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "Convoke <convoke@portal.example>")
else:
    _optional = DEBUG or SAMPLE_INSTALLATION  # mail is printed to the log
    EMAIL_HOST = (
        env("EMAIL_HOST")
        if _optional
        else env_required("EMAIL_HOST", "Invitations and confirmations are mailed through this SMTP server.")
    )
    EMAIL_PORT = env_int("EMAIL_PORT", 587)
    DEFAULT_FROM_EMAIL = (
        env("DEFAULT_FROM_EMAIL", "convoke@localhost")
        if _optional
        else env_required("DEFAULT_FROM_EMAIL", "The address that mail comes from.")
    )
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", not SANDBOX_URL)
EMAIL_TIMEOUT = 20  # seconds; a job that sends one mail has sixty
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# --- pages -----------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.assets.PackageFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORM_RENDERER = "config.forms.PortalFormRenderer"

# --- security --------------------------------------------------------------------------------------------------
# A POST that ends in a redirect to a consent page needs that page's origin in form-action.
_consent_origins = sorted(
    {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in (GOOGLE_ACCOUNTS_URL, MICROSOFT_LOGIN_URL)}
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler's stylesheet holds data: images
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF, *_consent_origins],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "config.logs.LogFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django-q": {"level": "WARNING"}, "convoke": {"level": env("LOG_LEVEL", "INFO")}},
}
