"""The REST API and the pages, for granian: `granian --interface wsgi techrar.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "techrar.settings")

application = get_wsgi_application()
