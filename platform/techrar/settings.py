"""Django's settings, all derived from `techrar.env`."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from techrar.env import Environment, load

env = load()
ROOT = Path(__file__).resolve().parents[2]

DEBUG = False
TESTING = False
PRODUCTION = env.production
SECRET_KEY = env.secret_key or "development-only-key-that-signs-nothing-of-value-0000000000"
# The newest key encrypts, all of them decrypt. Development derives one, so that nothing needs to be set.
ENCRYPTION_KEYS = (
    env.encryption_keys or "dev:" + base64.b64encode(hashlib.sha256(SECRET_KEY.encode()).digest()).decode()
)
ALLOWED_HOSTS = env.allowed_hosts
PUBLIC_URL = env.public_url.rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "techrar.core.pages.csrf_failure"

TRANSPORT = env.chosen_transport
BROKER_PROFILE = env.broker_profile
AMQP_URL = env.amqp_url
REDIS_URL = env.redis_url
DATABASE_URL = env.database_url
ALLOW_PRIVATE_TARGETS = env.private_targets

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "ninja",
    "techrar.merchants",
    "techrar.templating",
    "techrar.audience",
    "techrar.routing",
    "techrar.ledger",
    "techrar.dispatch",
    "techrar.notifications",
    "techrar.receipts",
    "techrar.tracking",
    "techrar.campaigns",
    "frontend",
]

MIDDLEWARE = [
    "techrar.core.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "techrar.merchants.middleware.RateLimitMiddleware",
    "techrar.core.edge.EdgeMiddleware",
    "techrar.core.pages.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "techrar.urls"
ASGI_APPLICATION = "techrar.asgi.application"
WSGI_APPLICATION = "techrar.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "frontend" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_db = urlsplit(env.database_url)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _db.path.lstrip("/"),
        "USER": unquote(_db.username or ""),
        "PASSWORD": unquote(_db.password or ""),
        "HOST": unquote(_db.hostname or ""),
        "PORT": str(_db.port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": env.db_pool_size, "timeout": 2.0},
            "connect_timeout": 3,
            "application_name": "techrar",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.redis_url}}

AUTH_USER_MODEL = "merchants.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
# axes' own defaults lock a whole address after three failures and for ever.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_ENABLE_RETRY_AFTER_HEADER = True
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_LOCKOUT_CALLABLE = "frontend.views.sign_in.locked_out"
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
# Read from the apps at start-up: no collecting step to forget, and nothing stale.
WHITENOISE_USE_FINDERS = True
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # the API measures bodies itself, to answer 413 with both sizes

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.environment is Environment.PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level},
    "loggers": {"axes": {"level": "ERROR"}, "pika": {"level": "CRITICAL"}, "daphne": {"level": "WARNING"}},
}
