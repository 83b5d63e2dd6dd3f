"""Making apps, the parts of an organization, and calling them something else."""

from django.db import transaction

from livehub.core import events
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.names import check_name
from streams.organizations.models import App, Organization
from streams.organizations.services import Actor, AppCreated, check_room, record

# Far more than anybody needs; nobody can take one away again, and each comes with presets.
APPS_MAX = 1000


class OneAppKeyError(DomainError):
    """The key is of one app, and this is about the whole organization."""

    code = "key_of_one_app"
    http_status = 403


@transaction.atomic
def create_app(*, organization: Organization, name: str, actor: Actor) -> App:
    """Create an app.

    :raises ValidationFailedError: when the name is empty or unusable, or the organization has enough apps.
    :raises OneAppKeyError: when a key asks that could not reach it.
    """
    if actor.api_key is not None and actor.api_key.app_id is not None:
        raise OneAppKeyError("This API key reaches its own app only. Use one of the whole account to create apps.")
    name = _checked(name)
    check_room(App.objects.filter(organization=organization), most=APPS_MAX, noun="apps")
    app = App.objects.create(organization=organization, name=name)
    record(organization=organization, actor=actor, action="app.created", target=app, name=app.name)
    events.publish(AppCreated(organization_id=organization.pk, app_id=app.pk, at=app.created_at, actor=actor))
    return app


@transaction.atomic
def rename_app(*, app: App, name: str, actor: Actor) -> App:
    """Call an app something else, and return it as it is then; the same name again changes nothing.

    :raises ValidationFailedError: when the name is empty or unusable.
    """
    name = _checked(name)
    row = App.objects.select_for_update(of=("self",)).select_related("organization").get(pk=app.pk)
    if row.name != name:
        old, row.name = row.name, name
        row.save(update_fields=["name"])
        record(organization=row.organization, actor=actor, action="app.renamed", target=row, old=old, new=name)
    return row


def _checked(name: str) -> str:
    name = check_name(name)
    if not name:
        raise ValidationFailedError("The name cannot be used.", fields={"name": ["Give the app a name."]})
    return name
