"""Run the whole product on this machine until Ctrl-C or SIGTERM."""

from django.core.management.base import BaseCommand, CommandError

from livehub.checks import TAG
from livehub.stack.errors import StartError
from livehub.stack.instance import Instance
from livehub.stack.launch import launch


class Command(BaseCommand):
    help = "Run the whole product on this machine: storage, ingest, web, workers. Ctrl-C stops it."

    # Django's own would load every view, and this process is there to start others soon.
    requires_system_checks = [TAG]

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write("LiveHub is starting...")
        try:
            launch(Instance.from_settings())
        except StartError as error:
            raise CommandError(str(error)) from error
