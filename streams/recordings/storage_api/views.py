"""Storages, as `/v2` has them."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from livehub.api.views import ApiView
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey
from streams.recordings import storage_selectors, storage_services
from streams.recordings.models import StorageTarget
from streams.recordings.storage_api.input import StorageTargetBody, StorageTargetChangesBody, changes_of
from streams.recordings.storage_api.serializers import DeletedStorageTargetSerializer, StorageTargetSerializer


class StorageTargetsApi(ApiView):
    """Knows who asks, and about which storage."""

    tag = "Storage targets"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.LIVESTREAMS

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    def get_target(self, target_id: str) -> StorageTarget:
        wanted = get_uuid(target_id, noun="storage target")
        return storage_selectors.get_storage_target(app=self.caller.app, target_id=wanted)

    def answer_target(self, target: StorageTarget, *, status: int = 200) -> Response:
        return self.answer(StorageTargetSerializer().to_representation(target), status=status)


class StorageTargetsView(StorageTargetsApi):
    """/storage-targets"""

    @operation(
        "create_storage_target",
        "Add a storage that recordings can be kept in",
        body=StorageTargetBody,
        answer=Answer(StorageTargetSerializer, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        values = self.read_body(StorageTargetBody)
        target = storage_services.create_storage_target(
            app=self.caller.app, type=str(values["type"]), actor=self.caller.actor, **changes_of(values)
        )
        return self.answer_target(target, status=201)

    @operation(
        "list_storage_targets",
        "List storages, oldest first",
        query=PageQuery,
        answer=Answer(StorageTargetSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        found = storage_selectors.list_storage_targets(self.caller.app)
        page = take_page(found, wanted=cast(PageNumbers, self.read_query(PageQuery)), count=found.count)
        shape = StorageTargetSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class StorageTargetView(StorageTargetsApi):
    """/storage-targets/{storage_target_id}"""

    @operation("get_storage_target", "Get a storage", answer=Answer(StorageTargetSerializer))
    def get(self, request: Request, storage_target_id: str, **path: str) -> Response:
        return self.answer_target(self.get_target(storage_target_id))

    @operation(
        "change_storage_target",
        "Change a storage; to have it elsewhere, give its secrets as well",
        body=StorageTargetChangesBody,
        answer=Answer(StorageTargetSerializer),
    )
    def patch(self, request: Request, storage_target_id: str, **path: str) -> Response:
        target = self.get_target(storage_target_id)
        changes = changes_of(self.read_body(StorageTargetChangesBody))
        return self.answer_target(
            storage_services.change_storage_target(target=target, actor=self.caller.actor, **changes)
        )

    @operation(
        "delete_storage_target",
        "Delete a storage here, with its secrets; what it keeps stays",
        answer=Answer(DeletedStorageTargetSerializer),
    )
    def delete(self, request: Request, storage_target_id: str, **path: str) -> Response:
        target = self.get_target(storage_target_id)
        storage_services.delete_storage_target(target=target, actor=self.caller.actor)
        return self.answer({"id": str(target.pk), "message": "Storage target deleted"})


class StorageTargetTestView(StorageTargetsApi):
    """/storage-targets/{storage_target_id}/test"""

    @operation(
        "test_storage_target",
        "Write, read and delete a small object in a storage, and say what came of it",
        answer=Answer(StorageTargetSerializer),
    )
    def post(self, request: Request, storage_target_id: str, **path: str) -> Response:
        target = self.get_target(storage_target_id)
        return self.answer_target(storage_services.try_storage_target(target=target, actor=self.caller.actor))
