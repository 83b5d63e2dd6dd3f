"""Make a link with which a person sets a new password."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from streams.account.mail import reset_link
from streams.identity.passwords import make_reset
from streams.organizations.models import User
from streams.organizations.services import SYSTEM


class Command(BaseCommand):
    help = (
        "Print a link with which a person sets a new password, once, within 24 hours. "
        "Make sure that you give it to that person: whoever has it can log in as them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="of the person")
        parser.add_argument(
            "--without-second-factor",
            action="store_true",
            help="turn it off as well: phone and recovery codes are lost",
        )

    def handle(self, *args: object, **options: object) -> None:
        email = str(options["email"])
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise CommandError(f"Nobody has an account with {email}.")
        if not user.is_active:
            raise CommandError(f"The account of {email} is switched off.")
        reset = make_reset(user=user, actor=SYSTEM, drops_second_factor=bool(options["without_second_factor"]))
        self.stdout.write(reset_link(reset))
