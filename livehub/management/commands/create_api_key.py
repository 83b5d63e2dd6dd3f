"""Create an API key and print it."""

import json
from argparse import ArgumentTypeError
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from livehub.api.identifiers import find_uuid
from livehub.core.errors import ValidationFailedError
from streams.organizations.models import ApiKey, Organization
from streams.organizations.services import SYSTEM, create_api_key


class Command(BaseCommand):
    help = (
        "Create an API key for one dialect, and print it as JSON on stdout. "
        "Its secret is shown here and never again. Without --scope it opens everything."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, type=_uuid, help="its id")
        parser.add_argument("--kind", required=True, choices=ApiKey.Kind.values, help="the dialect it is for")
        parser.add_argument("--name", help="so that people know later what uses it")
        parser.add_argument("--scope", action="append", choices=ApiKey.Scope.values, help="repeat it for several")

    def handle(self, *args: object, **options: object) -> None:
        organization = Organization.objects.filter(pk=str(options["organization"])).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']}.")
        kind = ApiKey.Kind(str(options["kind"]))
        scopes = options.get("scope")
        try:
            made = create_api_key(
                organization=organization,
                name=str(options.get("name") or f"{kind.label} key"),
                kind=kind,
                scopes=[str(scope) for scope in scopes] if isinstance(scopes, list) else None,
                actor=SYSTEM,
            )
        except ValidationFailedError as error:
            raise CommandError("\n".join(text for texts in error.fields.values() for text in texts)) from error
        self.stdout.write(json.dumps({"key_id": made.row.lookup, "secret": made.secret}, indent=2))


def _uuid(text: str) -> UUID:
    found = find_uuid(text)
    if found is None:
        raise ArgumentTypeError("An id is 32 hexadecimal digits.")
    return found
