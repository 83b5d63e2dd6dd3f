"""Support staff at their desk."""

import pytest
from django.test import Client
from pytest_django import Settings

from streams.models import User


@pytest.fixture(autouse=True)
def unhashed_static_files(settings: Settings) -> None:
    """Nothing is collected in tests, so there is no manifest to look names up in."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def supporter(db: None) -> User:
    return User.objects.create_user("support@livehub.example", "correct horse battery", is_staff=True)


@pytest.fixture
def desk(supporter: User) -> Client:
    client = Client()
    client.force_login(supporter)
    return client
