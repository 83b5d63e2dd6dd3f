"""Create an organization and print its credentials."""

import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from livehub.core.errors import ValidationFailedError
from livehub.stack.credentials import urls
from streams.organizations.services import NewOrganization, create_organization


class Command(BaseCommand):
    help = (
        "Create an organization with an owner, a default app and API keys, and print them as JSON on stdout. "
        "The keys are shown here and never again. The password is null when the owner has an account already."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="of the organization")
        parser.add_argument("--email", required=True, help="of its owner, who logs in with it")
        parser.add_argument("--password", help="of its owner; made up when left out")
        parser.add_argument(
            "--staff", action="store_true", help="the owner may use the admin site, and sees the whole instance"
        )

    def handle(self, *args: object, **options: object) -> None:
        password = options.get("password")
        try:
            made = create_organization(
                name=str(options["name"]),
                email=str(options["email"]),
                password=None if password is None else str(password),
                is_staff=bool(options.get("staff")),
            )
        except ValidationFailedError as error:
            raise CommandError("\n".join(_complaints(error))) from error
        self.stdout.write(json.dumps(_credentials(made), indent=2))


def _credentials(made: NewOrganization) -> dict[str, object]:
    return {
        "email": made.owner.email,
        "password": made.password or None,
        "organization_id": made.organization.pk.hex,
        "account_id": made.organization.pk.hex,
        "app_id": made.app.pk.hex,
        "api_key": made.api_key,
        "api_token": made.api_token,
        "liveapi_key_id": made.liveapi_key.row.lookup,
        "liveapi_key_secret": made.liveapi_key.secret,
        "cloudinary_cloud_name": made.app.pk.hex,
        "cloudinary_api_key": made.cloudinary_key.row.lookup,
        "cloudinary_api_secret": made.cloudinary_key.secret,
        **urls(public_url=settings.PUBLIC_URL, rtmp_url=settings.RTMP_URL, rtmps_url=settings.RTMPS_URL),
    }


def _complaints(error: ValidationFailedError) -> list[str]:
    return [error.message, *(f"  {field}: {' '.join(texts)}" for field, texts in error.fields.items())]
