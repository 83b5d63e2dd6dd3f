#!/usr/bin/env python
"""Run a management command: `manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

from livehub.core.postgresql import bounds

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
    # Migrations and maintenance take as long as they need; what serves people is started elsewhere.
    with bounds.lifted():
        execute_from_command_line(sys.argv)
