"""Django for the API's floor: no middleware, no apps, the same connection pool as ours."""

from __future__ import annotations

from techrar.settings import DATABASES as OURS

SECRET_KEY = "signs nothing"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "ops.bench.bare"
DATABASES = OURS
USE_TZ = True
