"""The operations on apps and keys, for every dialect that has them."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from livehub.api.views import ApiView
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.organizations import apps, selectors, services
from streams.organizations.api.input import ApiKeyBody, AppBody, AppListParameters, AppListQuery, WantedKey
from streams.organizations.api.serializers import (
    ApiKeySerializer,
    AppSerializer,
    NewApiKeySerializer,
    OneAppSerializer,
    RevokedApiKeySerializer,
)
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey, App


class _AdministrationApi(ApiView):
    """What changes who reaches what: with a scope of its own."""

    write_scope = ApiKey.Scope.ADMIN

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    @property
    def own_key(self) -> ApiKey:
        return self.caller.api_key


class AppApi(_AdministrationApi):
    tag = "Apps"
    read_scope = ApiKey.Scope.READ

    def get_app(self, app_id: str) -> App:
        return selectors.get_reachable_app(api_key=self.own_key, app_id=get_uuid(app_id, noun="app"))

    def read_name(self) -> str:
        return str(self.read_body(AppBody)["name"])

    def answer_app(self, app: App) -> Response:
        return self.answer(OneAppSerializer().to_representation(app))


class AppsView(AppApi):
    """/apps"""

    @operation("list_apps", "List apps", query=AppListQuery, answer=Answer(AppSerializer, is_list=True))
    def get(self, request: Request, **path: str) -> Response:
        wanted = cast(AppListParameters, self.read_query(AppListQuery))
        order = ("created_at", "id") if wanted["sort_order"] == "ASC" else ("-created_at", "-id")
        rows = selectors.list_reachable_apps(self.own_key).filter(name__icontains=wanted["search"]).order_by(*order)
        page = take_page(rows, wanted=wanted, count=rows.count)
        return self.answer_list([AppSerializer().to_representation(row) for row in page.items], page=page)

    # Source: Cloudflare RealtimeKit, which answers 200.
    @operation("create_app", "Create an app", body=AppBody, answer=Answer(OneAppSerializer))
    def post(self, request: Request, **path: str) -> Response:
        organization = self.own_key.organization
        return self.answer_app(
            apps.create_app(organization=organization, name=self.read_name(), actor=self.caller.actor)
        )


class AppView(AppApi):
    """/apps/{app_id}"""

    @operation("get_app", "Get an app", answer=Answer(OneAppSerializer))
    def get(self, request: Request, app_id: str, **path: str) -> Response:
        return self.answer_app(self.get_app(app_id))

    @operation("rename_app", "Rename an app", body=AppBody, answer=Answer(OneAppSerializer))
    def patch(self, request: Request, app_id: str, **path: str) -> Response:
        app = self.get_app(app_id)
        return self.answer_app(apps.rename_app(app=app, name=self.read_name(), actor=self.caller.actor))


class ApiKeyApi(_AdministrationApi):
    tag = "API keys"
    read_scope = ApiKey.Scope.ADMIN


class ApiKeysView(ApiKeyApi):
    """/api-keys"""

    @operation(
        "list_api_keys",
        "List the API keys that are not revoked, newest first",
        query=PageQuery,
        answer=Answer(ApiKeySerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        rows = selectors.list_reachable_keys(self.own_key)
        page = take_page(rows, wanted=cast(PageNumbers, self.read_query(PageQuery)), count=rows.count)
        return self.answer_list([ApiKeySerializer().to_representation(row) for row in page.items], page=page)

    @operation(
        "create_api_key",
        "Create an API key; its secret is in this answer and nowhere else",
        body=ApiKeyBody,
        answer=Answer(NewApiKeySerializer, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        wanted = cast(WantedKey, self.read_body(ApiKeyBody))
        made = services.create_api_key(
            organization=self.own_key.organization,
            name=wanted["name"],
            kind=wanted["kind"],
            app=self._wanted_app(wanted),
            scopes=wanted.get("scopes"),
            expires_at=wanted.get("expires_at"),
            actor=self.caller.actor,
        )
        return self.answer(NewApiKeySerializer().to_representation(made), status=201)

    def _wanted_app(self, wanted: WantedKey) -> App | None:
        text = wanted.get("app_id")
        if text is None:
            return None
        try:
            return selectors.get_reachable_app(api_key=self.own_key, app_id=get_uuid(text, noun="app"))
        except NotFoundError as error:
            raise ValidationFailedError("The API key cannot be created.", fields={"app_id": [error.message]}) from error


class ApiKeyView(ApiKeyApi):
    """/api-keys/{api_key_id}"""

    @operation("revoke_api_key", "Revoke an API key; it opens nothing any more", answer=Answer(RevokedApiKeySerializer))
    def delete(self, request: Request, api_key_id: str, **path: str) -> Response:
        wanted = get_uuid(api_key_id, noun="API key")
        api_key = selectors.get_reachable_key(api_key=self.own_key, wanted=wanted)
        services.revoke_api_key(api_key=api_key, actor=self.caller.actor)
        return self.answer({"id": str(api_key.pk), "message": "API key revoked"})
