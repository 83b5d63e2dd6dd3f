"""What was sent to a webhook, sending it again, and trying it."""

from collections.abc import Callable
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import find_uuid, get_uuid
from livehub.api.operations import Answer, Paging, operation
from livehub.api.paging import take_cursor_page
from webhooks import replays, selectors
from webhooks.api.base import WebhooksApi
from webhooks.api.delivery_serializers import DeliveryDetailSerializer, DeliverySerializer, ReplayedSerializer
from webhooks.api.input import (
    DeliveryListParameters,
    DeliveryListQuery,
    ReplayParameters,
    ReplayQuery,
    WebhookTestBody,
)
from webhooks.feed import CursorUnknownError
from webhooks.models import Delivery, Endpoint
from webhooks.selectors import DeliveryFilter

_REFUSED = {422: "The webhook is disabled, or the body or the Idempotency-Key is not acceptable."}
_REFUSED_ALL = {
    409: "Another replay is being started, or a request with this Idempotency-Key is still being answered.",
    422: "The webhook is disabled, it would be too much at a time, or the body is not acceptable.",
}


class DeliveriesApi(WebhooksApi):
    tag = "Deliveries"

    def answer_delivery(self, delivery: Delivery, *, status: int = 200) -> Response:
        return self.answer(DeliverySerializer().to_representation(delivery), status=status)

    def answer_replay(self, webhook_id: str, *, replay: Callable[..., int]) -> Response:
        """Send much again, and answer how much."""
        endpoint = self.get_endpoint(webhook_id)
        asked = cast(ReplayParameters, self.read_query(ReplayQuery))
        return self.answer({"count": replay(endpoint=endpoint, actor=self.caller.actor, **asked)})


class DeliveriesView(DeliveriesApi):
    """/webhooks/{webhook_id}/deliveries"""

    @operation(
        "list_deliveries",
        "List a webhook's deliveries, the newest event first",
        query=DeliveryListQuery,
        answer=Answer(DeliverySerializer, is_list=True, paging=Paging.CURSOR),
    )
    def get(self, request: Request, webhook_id: str, **path: str) -> Response:
        parameters = cast(DeliveryListParameters, self.read_query(DeliveryListQuery))
        endpoint = self.get_endpoint(webhook_id)
        rows = selectors.list_deliveries(endpoint, _filter(endpoint, parameters))
        page = take_cursor_page(rows, per_page=parameters["per_page"], cursor_of=lambda row: str(row.uid))
        shape = DeliverySerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class DeliveryView(DeliveriesApi):
    """/webhooks/{webhook_id}/deliveries/{delivery_id}"""

    @operation(
        "get_delivery", "Get a delivery with its request and every attempt", answer=Answer(DeliveryDetailSerializer)
    )
    def get(self, request: Request, webhook_id: str, delivery_id: str, **path: str) -> Response:
        wanted = get_uuid(delivery_id, noun="delivery")
        delivery = selectors.get_delivery(endpoint=self.get_endpoint(webhook_id), uid=wanted)
        return self.answer(DeliveryDetailSerializer().to_representation(delivery))


class ReplayDeliveryView(DeliveriesApi):
    """/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"""

    @operation(
        "replay_delivery",
        "Send a delivery again, under the same webhook-id",
        answer=Answer(DeliverySerializer),
        failures=_REFUSED,
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str, **path: str) -> Response:
        wanted = get_uuid(delivery_id, noun="delivery")
        endpoint = self.get_endpoint(webhook_id)
        delivery = selectors.get_delivery(endpoint=endpoint, uid=wanted)
        replays.replay_delivery(delivery=delivery, actor=self.caller.actor)
        return self.answer_delivery(selectors.get_delivery(endpoint=endpoint, uid=wanted))


class ReplayFailedView(DeliveriesApi):
    """/webhooks/{webhook_id}/replay-failed"""

    @operation(
        "replay_failed",
        "Send again what failed, each under its webhook-id",
        query=ReplayQuery,
        answer=Answer(ReplayedSerializer),
        failures=_REFUSED_ALL,
    )
    def post(self, request: Request, webhook_id: str, **path: str) -> Response:
        return self.answer_replay(webhook_id, replay=replays.replay_failed)


class ReplayAllView(DeliveriesApi):
    """/webhooks/{webhook_id}/replay"""

    @operation(
        "replay_all",
        "Send everything again that the webhook listens for now, also what was never sent to it",
        query=ReplayQuery,
        answer=Answer(ReplayedSerializer),
        failures=_REFUSED_ALL,
    )
    def post(self, request: Request, webhook_id: str, **path: str) -> Response:
        return self.answer_replay(webhook_id, replay=replays.replay_all)


class WebhookTestView(DeliveriesApi):
    """/webhooks/{webhook_id}/test"""

    @operation(
        "send_test",
        "Send what might have happened, marked as a test",
        body=WebhookTestBody,
        answer=Answer(DeliverySerializer, status=201),
        failures=_REFUSED,
    )
    def post(self, request: Request, webhook_id: str, **path: str) -> Response:
        name = str(self.read_body(WebhookTestBody)["event"])
        endpoint = self.get_endpoint(webhook_id)
        delivery = replays.send_test(endpoint=endpoint, name=name, actor=self.caller.actor)
        return self.answer_delivery(delivery, status=201)


def _filter(endpoint: Endpoint, parameters: DeliveryListParameters) -> DeliveryFilter:
    return DeliveryFilter(
        state=parameters["state"],
        name=parameters["event"],
        since=parameters["since"],
        until=parameters["until"],
        after=_after(endpoint, parameters["after"]),
    )


def _after(endpoint: Endpoint, cursor: str) -> Delivery | None:
    if not cursor:
        return None
    uid = find_uuid(cursor)
    last = selectors.find_delivery(endpoint=endpoint, uid=uid) if uid else None
    if last is None:
        raise CursorUnknownError("This cursor is not known, or no more. Begin with the first page.")
    return last
