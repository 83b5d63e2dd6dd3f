"""Say how much of the instance one organization may use."""

from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from livehub.core.errors import ValidationFailedError
from streams.organizations.models import Organization
from streams.organizations.quotas import OwnQuotas, quotas_of, set_quotas
from streams.organizations.services import SYSTEM

_DEFAULT = "default"


class Command(BaseCommand):
    help = (
        'Set an organization\'s quotas, each to a number or to "default" (what the settings say), and print all that '
        "apply. What is left out stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, type=UUID, help="its id")
        parser.add_argument("--sessions", type=_quota, help="broadcasts on air at once")
        parser.add_argument("--livestreams", type=_quota, help="livestreams in all")
        parser.add_argument("--broadcast-kbps", type=_quota, help="bitrate of each broadcast in kbit/s")

    def handle(self, *args: object, **options: object) -> None:
        organization = Organization.objects.filter(pk=str(options["organization"])).first()
        if organization is None:
            raise CommandError(f"No organization {options['organization']}.")
        try:
            set_quotas(organization=organization, quotas=_wanted(organization, options), actor=SYSTEM)
        except ValidationFailedError as error:
            raise CommandError(" ".join(text for texts in error.fields.values() for text in texts)) from error
        organization.refresh_from_db()
        quotas = quotas_of(organization)
        self.stdout.write(
            f"{organization.name}: {quotas.sessions} broadcasts on air at once, {quotas.livestreams} livestreams, "
            f"{quotas.broadcast_kbps} kbit/s for each broadcast."
        )


def _quota(text: str) -> int | str:
    return _DEFAULT if text == _DEFAULT else int(text)


def _wanted(organization: Organization, options: dict[str, object]) -> OwnQuotas:
    return OwnQuotas(
        sessions=_chosen(options["sessions"], organization.max_sessions),
        livestreams=_chosen(options["livestreams"], organization.max_livestreams),
        broadcast_kbps=_chosen(options["broadcast_kbps"], organization.max_broadcast_kbps),
    )


def _chosen(option: object, present: int | None) -> int | None:
    if option is None:
        return present
    return option if isinstance(option, int) else None
