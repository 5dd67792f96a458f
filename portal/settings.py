"""The one settings file: every value that differs between places comes from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from portal import env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# `local` is a laptop: servers and secrets come from the data folder, pages over plain HTTP.
# Anything served to others is `production`, which is the default.
PORTAL_ENV = env.choice("PORTAL_ENV", "production", {"local", "production"})
LOCAL = PORTAL_ENV == "local"
PORTAL_DATA = Path(env.text("PORTAL_DATA") or BASE_DIR / ".portal").absolute()
_data = PORTAL_DATA if LOCAL else None

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret_key(_data)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if LOCAL else "")

DATABASE_URL = env.server_url("DATABASE_URL", _data)
# What changes tables (`migrate`, `database_roles`) signs in as their owner; else all is done by one role.
DATABASE_OWNER_URL = (
    env.server_url("DATABASE_OWNER_URL", None if env.text("DATABASE_URL") else _data)
    or DATABASE_URL
)
DATABASE_ROLES = env.database_roles()
DATABASE_WRITER_PASSWORD = env.text("DATABASE_WRITER_PASSWORD")
DATABASE_READER_PASSWORD = env.text("DATABASE_READER_PASSWORD")
# A standby of it that the web reads events from, for `chain` and `auctionEvents`; else the same.
LOG_DATABASE_URL = env.server_url("LOG_DATABASE_URL", None) or DATABASE_URL
REDIS_URL = env.server_url("REDIS_URL", _data)
MONGODB_URL = env.server_url("MONGODB_URL", _data)
# Signs the checkpoints of the log; only the worker that makes them needs it. What was signed with another one
# stays verifiable.
CHECKPOINT_KEY = env.checkpoint_key(_data)
# Whom each checkpoint is sent to.
WITNESS_URLS = env.web_addresses("WITNESS_URLS")
# By whose rounds ticks are drawn: `local`, a stand-in, is for laptops.
BEACON = env.choice("BEACON", "local", {"drand", "local"}) if LOCAL or env.text("BEACON") else ""
DRAND_RELAYS = env.web_addresses(
    "DRAND_RELAYS",
    ["https://api.drand.sh", "https://api2.drand.sh", "https://drand.cloudflare.com"],
)
# Where people find the portal: the links in mails begin with it.
PUBLIC_URL = env.server_url("PUBLIC_URL", _data) or ("http://127.0.0.1:8000" if LOCAL else "")

# --- Mail: to a server, or on a laptop without one into a folder ---
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", not LOCAL)
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = str(PORTAL_DATA / "mails")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Auction house <auctions@localhost>")

# A proxy that ends TLS says in X-Forwarded-Proto how it was asked, and in X-Forwarded-For by whom.
# These headers are ignored if the peer's address is not trusted.
BEHIND_TLS_PROXY = env.boolean("BEHIND_TLS_PROXY", False)
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")

# Keeps portals that share one Redis or MongoDB apart.
NAMESPACE = env.text("PORTAL_NAMESPACE", "portal")


def _refuse_unsafe_production() -> None:
    wrong = [
        f"{name} must be set"
        for name, value in (
            ("SECRET_KEY", SECRET_KEY),
            ("ALLOWED_HOSTS", ALLOWED_HOSTS),
            ("DATABASE_URL", DATABASE_URL),
            ("REDIS_URL", REDIS_URL),
            ("MONGODB_URL", MONGODB_URL),
            ("PUBLIC_URL", PUBLIC_URL),
            ("EMAIL_HOST", EMAIL_HOST),
            ("BEACON", BEACON),
        )
        if not value
    ]
    if SECRET_KEY and len(SECRET_KEY) < 50:
        wrong.append("SECRET_KEY must be at least 50 characters long")
    if "*" in ALLOWED_HOSTS:
        wrong.append("ALLOWED_HOSTS must name the hosts, not '*'")
    if DEBUG:
        wrong.append("DEBUG must be off")
    if PUBLIC_URL and not PUBLIC_URL.startswith("https://"):
        wrong.append("PUBLIC_URL must begin with https://")
    if BEHIND_TLS_PROXY and not TRUSTED_PROXIES:
        wrong.append(
            "TRUSTED_PROXIES must name the proxy's address (BEHIND_TLS_PROXY is on): "
            "without it everybody has the proxy's, and shares its rate limits"
        )
    if wrong:
        raise ImproperlyConfigured(
            "This is a production start (PORTAL_ENV is not 'local'), and: " + "; ".join(wrong) + "."
        )


if not LOCAL:
    _refuse_unsafe_production()


def _django_database(variable: str, url: str) -> dict[str, Any]:
    """Django's form of a Postgres URL; any libpq option in it is passed on."""
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # Its message quotes the URL.
        raise ImproperlyConfigured(f"{variable} is no postgresql:// URL") from None
    parts = {name: value for name, value in given.items() if value is not None}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "postgres"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"connect_timeout": 5, **parts},
    }


DATABASES = {"default": _django_database("DATABASE_URL", DATABASE_URL)}
OWNERS_DATABASE = _django_database("DATABASE_OWNER_URL", DATABASE_OWNER_URL)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "notifications.apps.NotificationsConfig",
    "projections.apps.ProjectionsConfig",
    "commands.apps.CommandsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_structlog",
    # `up` and `demo` with their servers: not part of what is shipped.
    *(["portal.laptop.apps.LaptopConfig"] if LOCAL else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.web.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.web.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.web.documentation.pages_there_are",
            ],
        },
    },
]

STATIC_URL = "/static/"
# Without it, files are served from the apps' folders as they are now: no collect step in a fresh clone.
STATIC_ROOT = env.text("STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_ROOT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "portal.web.static_files.HashedFiles"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "portal.formats"

# --- People ---
AUTH_USER_MODEL = "commands.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "commands.passwords.CharactersValidator"},
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "MinimumLengthValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
]
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.integer("ACCESS_TOKEN_SECONDS", 15 * 60))
# A session ends when it was not refreshed for so long, and in any case so long after its sign-in.
REFRESH_TOKEN_LIFETIME = timedelta(days=env.integer("REFRESH_TOKEN_DAYS", 30))
SESSION_LIFETIME = timedelta(days=env.integer("SESSION_DAYS", 90, least=1))
# For how long a spent refresh token gives the same successor again: its answer may have been lost.
REFRESH_GRACE = timedelta(seconds=env.integer("REFRESH_GRACE_SECONDS", 30))

# --- The wire ---
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = not LOCAL and env.boolean("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 0 if LOCAL else env.integer("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
GRAPHIQL = env.boolean("GRAPHIQL", LOCAL)
# GraphiQL is of no use without it.
INTROSPECTION = env.boolean("INTROSPECTION", GRAPHIQL)

# --- How much one may ask for; docs/security.md says why ---
BODY_BYTES = env.integer("BODY_BYTES", 128 * 1024, least=1)
REQUEST_SECONDS = env.integer("REQUEST_SECONDS", 10, least=1)
QUERY_TOKENS = env.integer("QUERY_TOKENS", 1_000, least=1)
QUERY_DEPTH = env.integer("QUERY_DEPTH", 15, least=1)
QUERY_ALIASES = env.integer("QUERY_ALIASES", 30)
QUERY_COST = env.integer("QUERY_COST", 10_000, least=1)
QUERY_SECONDS = env.integer("QUERY_SECONDS", 40, least=1)
SOCKET_INIT_SECONDS = env.integer("SOCKET_INIT_SECONDS", 10, least=1)
SOCKET_IDLE_SECONDS = env.integer("SOCKET_IDLE_SECONDS", 60, least=1)
SOCKET_SLOW_SECONDS = env.integer("SOCKET_SLOW_SECONDS", 30, least=1)
OPERATIONS_PER_SOCKET = env.integer("OPERATIONS_PER_SOCKET", 100, least=1)
# In each web process. A hall of people behind one address, who don't sign in, asks for the same, which is executed
# once for all: few of their operations may differ.
OPERATIONS_PER_USER = env.integer("OPERATIONS_PER_USER", 10_000 if LOCAL else 300, least=1)
OPERATIONS_PER_ADDRESS = env.integer("OPERATIONS_PER_ADDRESS", 100_000 if LOCAL else 5_000, least=1)
DIFFERENT_OPERATIONS_PER_ADDRESS = env.integer(
    "DIFFERENT_OPERATIONS_PER_ADDRESS", 10_000 if LOCAL else 300, least=1
)
# On a laptop everybody has one address.
RATE_LIMITS = {
    "SIGN_IN_PER_USER": env.rate("SIGN_IN_PER_USER", "10/minute"),
    "SIGN_IN_PER_ADDRESS": env.rate("SIGN_IN_PER_ADDRESS", "off" if LOCAL else "60/minute"),
    "SIGN_UP_PER_ADDRESS": env.rate("SIGN_UP_PER_ADDRESS", "off" if LOCAL else "30/hour"),
    "MAILS_PER_USER": env.rate("MAILS_PER_USER", "10/hour"),
    "BIDS_PER_USER": env.rate("BIDS_PER_USER", "off" if LOCAL else "120/minute"),
    "BIDS_PER_ADDRESS": env.rate("BIDS_PER_ADDRESS", "off" if LOCAL else "1200/minute"),
}

# --- Celery: a broker of wake-ups; the job rows are the truth ---
_redis_transport = {
    "global_keyprefix": f"{NAMESPACE}:",
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    # How soon a worker doubts a Redis that fell silent.
    "health_check_interval": 5,
    # A task lasts seconds, so a message unacknowledged for a minute belonged to a dead worker.
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 5,
}
# Celery names Redis over a unix socket differently from redis-py.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = _redis_transport
# A publisher that can't reach the broker gives up at once: the sweep will wake the stream.
CELERY_BROKER_PUBLISH_TRANSPORT_OPTIONS = {**_redis_transport, "max_retries": 0}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# No results are kept, so beat needs no schedule to clean them up.
CELERY_RESULT_EXPIRES = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 50
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "portal.scheduler:WaitingScheduler"
# How late beat notices an edit made in admin, in seconds.
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# --- How long rows are kept once they are of no use; docs/operators.md lists them all ---
# With a settled job goes its idempotency key: a request repeated after that is a new one.
JOBS_KEPT = env.days("JOBS_KEPT_DAYS", 7)
FAILED_JOBS_KEPT = env.days("FAILED_JOBS_KEPT_DAYS", 90)
READ_NOTIFICATIONS_KEPT = env.days("READ_NOTIFICATIONS_KEPT_DAYS", 30)
UNREAD_NOTIFICATIONS_KEPT = env.days("UNREAD_NOTIFICATIONS_KEPT_DAYS", 180)
WATCHES_KEPT = env.days("WATCHES_KEPT_DAYS", 30)
MAILS_KEPT = env.days("MAILS_KEPT_DAYS", 30)
ENDED_SESSIONS_KEPT = env.days("ENDED_SESSIONS_KEPT_DAYS", 7)
DRIFTS_KEPT = env.days("DRIFTS_KEPT_DAYS", 90)
ADMIN_LOG_KEPT = env.days("ADMIN_LOG_KEPT_DAYS", 365)
TICK_SECRETS_KEPT = env.days("TICK_SECRETS_KEPT_DAYS", 30)

# --- Bidding ---
# How long an accepted job may wait before it is rejected as expired instead of run, in seconds.
# The portal's own commands (closing, withdrawing) never expire.
JOB_EXPIRES_AFTER = {
    "PlaceBid": 15 * 60,
    "BuyNow": 15 * 60,
    "PlaceSealedBid": 15 * 60,
    "SetMaximum": 15 * 60,
    "ClearMaximum": 15 * 60,
    "DeleteBid": 15 * 60,
    "RemoveBid": 15 * 60,
    "DoubleBid": 5 * 60,
    "CreateAuction": 60 * 60,
    "CancelAuction": 15 * 60,
    "CloseAuctionNow": 15 * 60,
    "PauseAuction": 15 * 60,
    "ResumeAuction": 15 * 60,
    "ReviseAuction": 15 * 60,
    "ForfeitSale": 15 * 60,
    "CreateUser": 60 * 60,
    "BanUser": 15 * 60,
    "LiftBan": 15 * 60,
    "LimitExposure": 15 * 60,
    "LiftExposureLimit": 15 * 60,
}

LOGGING_CONFIG = "portal.logs.configure"
LOGGING: dict[str, Any] = {
    "level": env.text("LOG_LEVEL", "INFO").upper(),
    "json": env.choice("LOG_FORMAT", "text" if LOCAL else "json", {"text", "json"}) == "json",
    "secrets": [
        SECRET_KEY,
        CHECKPOINT_KEY,
        EMAIL_HOST_PASSWORD,
        DATABASE_WRITER_PASSWORD,
        DATABASE_READER_PASSWORD,
        *env.passwords(DATABASE_URL, DATABASE_OWNER_URL, LOG_DATABASE_URL, REDIS_URL, MONGODB_URL),
    ],
}
