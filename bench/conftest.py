"""What benchmarks that commit need of the database as well."""

from tests.conftest import django_db_setup

__all__ = ["django_db_setup"]
