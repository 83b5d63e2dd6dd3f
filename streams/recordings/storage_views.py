"""The dashboard's pages of storages: which there are, a new one, one of them, and trying it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from livehub.core.errors import ValidationFailedError
from streams.dashboard.pages import DialogView, MemberView, complain
from streams.dashboard.paging import asked_page
from streams.recordings import storage_services
from streams.recordings.models import StorageTarget
from streams.recordings.models.storage import StorageType
from streams.recordings.storage_forms import StorageForm
from streams.recordings.storage_selectors import get_own_storage_target, get_storage_use, list_storage_targets_of


class StorageListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list_storage_targets_of(self.member.organization)
        page = asked_page(rows, request)
        return self.page("streams/storage_list.html", page=page)


class StorageCreateView(MemberView):
    """Asks for the type first: each has fields of its own."""

    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        type = request.GET.get("type", "")
        if not type:
            return self.page("streams/storage_types.html", types=StorageType.choices)
        return self._form(StorageForm.new(self.member.organization, type=_known(type)), type=type, status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        type = request.GET.get("type", "")
        if type not in StorageType.values:
            return self.go("streams:storage_create")
        form = StorageForm.new(self.member.organization, request.POST, type=type)
        if not form.is_valid():
            return self._form(form, type=type, status=422)
        try:
            target = storage_services.create_storage_target(
                app=form.chosen_app(), type=type, actor=self.actor, **form.values()
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, type=type, status=422)
        return self.go("streams:storage_detail", target_id=target.pk, said="The storage is added. Test it now.")

    def _form(self, form: StorageForm, *, type: str, status: int) -> HttpResponse:
        return self.page("streams/storage_form.html", form=form, type=StorageType(type), status=status)


class OneStorageView(DialogView):
    """A page of one storage."""

    def get_target(self, target_id: UUID) -> StorageTarget:
        return get_own_storage_target(organization=self.member.organization, target_id=target_id)


class StorageDetailView(OneStorageView):
    def get(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = self.get_target(target_id)
        return self.page("streams/storage_detail.html", target=target, use=get_storage_use(target))


class StorageChangeView(OneStorageView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = self.get_target(target_id)
        return self._form(target, StorageForm.of(target), status=200)

    def post(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = self.get_target(target_id)
        form = StorageForm.of(target, request.POST)
        if not form.is_valid():
            return self._form(target, form, status=422)
        try:
            storage_services.change_storage_target(target=target, actor=self.actor, **form.changes())
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(target, form, status=422)
        return self.go("streams:storage_detail", target_id=target_id, said="Saved.")

    def _form(self, target: StorageTarget, form: StorageForm, *, status: int) -> HttpResponse:
        shared = {"target": target, "form": form, "type": StorageType(target.type)}
        return self.page("streams/storage_form.html", shared, status=status)


class StorageTestView(OneStorageView):
    needs = "can_administer"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = storage_services.try_storage_target(target=self.get_target(target_id), actor=self.actor)
        if not target.is_usable:
            messages.error(request, target.check_problem)
            return self.go("streams:storage_detail", target_id=target_id)
        said = "A small object was written, read and deleted: recordings can be kept here."
        return self.go("streams:storage_detail", target_id=target_id, said=said)


class StorageDeleteView(OneStorageView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = self.get_target(target_id)
        return self.show("storage_delete", {"target": target, "use": get_storage_use(target)})

    def post(self, request: HttpRequest, target_id: UUID) -> HttpResponse:
        target = self.get_target(target_id)
        storage_services.delete_storage_target(target=target, actor=self.actor)
        return self.go("streams:storage_list", said=f"{target.name} is deleted.")


def _known(type: str) -> str:
    if type not in StorageType.values:
        raise Http404(f"There is no type {type[:32]} of storages.")
    return type
