"""The operations on self-tests, for programs of an instance's only organization."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from livehub.api.views import ApiView
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey, Organization
from streams.self_tests import selectors, services
from streams.self_tests.api.serializers import SelfTestSerializer

_FOREIGN = {403: "The key lacks the scope, or other organizations use the instance as well."}


class SelfTestsApi(ApiView):
    """What concerns the whole instance."""

    tag = "Self-tests"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.ADMIN

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    @property
    def organization(self) -> Organization:
        return self.caller.api_key.organization


class SelfTestsView(SelfTestsApi):
    """/self-tests"""

    @operation(
        "start_self_test",
        "Run a broadcast of LiveHub's own through the whole chain; it is over within half a minute",
        answer=Answer(SelfTestSerializer, status=201),
        failures={**_FOREIGN, 409: "One is running, or all places for broadcasts are taken."},
    )
    def post(self, request: Request, **path: str) -> Response:
        services.check_instance_is_own(self.organization)
        made = services.start_self_test(organization=self.organization, actor=self.caller.actor)
        return self.answer(SelfTestSerializer().to_representation(made), status=201)

    @operation(
        "list_self_tests",
        "List the newest self-tests, newest first; fifty are kept",
        query=PageQuery,
        answer=Answer(SelfTestSerializer, is_list=True),
        failures=_FOREIGN,
    )
    def get(self, request: Request, **path: str) -> Response:
        services.check_instance_is_own(self.organization)
        services.end_abandoned()
        wanted = cast(PageNumbers, self.read_query(PageQuery))
        found = selectors.list_self_tests()
        page = take_page(found, wanted=wanted, count=found.count)
        shape = SelfTestSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class SelfTestView(SelfTestsApi):
    """/self-tests/{self_test_id}"""

    @operation("get_self_test", "Get a self-test, as far as it is", answer=Answer(SelfTestSerializer))
    def get(self, request: Request, self_test_id: str, **path: str) -> Response:
        wanted = get_uuid(self_test_id, noun="self-test")
        services.end_abandoned()
        found = selectors.get_self_test(wanted, organization=self.organization)
        return self.answer(SelfTestSerializer().to_representation(found))
