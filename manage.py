#!/usr/bin/env python
"""Run a management command: `manage.py help` lists them."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

from livehub.core.postgresql import bounds

if __name__ == "__main__":
    # Loading everything makes much that stays: looking through it for what could go is a tenth of a short command.
    gc.set_threshold(100_000)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
    # Migrations and maintenance take as long as they need; what serves people is started elsewhere.
    with bounds.lifted():
        execute_from_command_line(sys.argv)
