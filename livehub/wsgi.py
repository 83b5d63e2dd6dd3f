"""What granian serves: every plain request."""

import os

from django import db
from django.core.signals import request_started
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
application = get_wsgi_application()
# A tenth of a trivial request's time. Each request ends with giving its database connection back, or closing a broken
# one: at the next one's start there is none. Queries are kept for whoever debugs only.
request_started.disconnect(db.close_old_connections)
request_started.disconnect(db.reset_queries)
