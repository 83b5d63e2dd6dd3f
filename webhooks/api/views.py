"""Webhooks: what both vendors have, the catalogue of events, and another secret."""

from collections.abc import Collection
from operator import attrgetter
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, Paging, operation
from webhooks import selectors, services
from webhooks.api.base import WebhooksApi
from webhooks.api.serializers import EventNameSerializer, RotatedWebhookSerializer
from webhooks.catalogue import EVENT_NAMES
from webhooks.models import Endpoint
from webhooks.services import EndpointChanges


class WebhooksView(WebhooksApi):
    """/webhooks"""

    @operation(
        "create_webhook",
        "Create a webhook; its secret is in this answer and nowhere else",
        body=attrgetter("body"),
        answer=Answer(attrgetter("new"), status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        wanted = cast(EndpointChanges, self.read_body(self.shapes.body))
        self.check_stream_keys(events=wanted["events"], format=self.shapes.format)
        made = services.create_endpoint(
            app=self.caller.app,
            name=wanted["name"],
            url=wanted["url"],
            events=wanted["events"],
            enabled=wanted["enabled"],
            format=self.shapes.format,
            actor=self.caller.actor,
        )
        return self.answer(self.shapes.new().to_representation(made), status=201)

    @operation(
        "list_webhooks",
        "List webhooks, oldest first",
        answer=Answer(attrgetter("webhook"), is_list=True, paging=Paging.NONE),
    )
    def get(self, request: Request, **path: str) -> Response:
        shape = self.shapes.webhook()
        return self.answer([shape.to_representation(row) for row in selectors.list_endpoints(self.caller.app)])


class WebhookView(WebhooksApi):
    """/webhooks/{webhook_id}"""

    @operation("get_webhook", "Get a webhook", answer=Answer(attrgetter("webhook")))
    def get(self, request: Request, webhook_id: str, **path: str) -> Response:
        return self._answer(self.get_endpoint(webhook_id))

    @operation(
        "change_webhook",
        "Change some of a webhook",
        body=attrgetter("changes"),
        answer=Answer(attrgetter("webhook")),
    )
    def patch(self, request: Request, webhook_id: str, **path: str) -> Response:
        endpoint = self.get_endpoint(webhook_id)
        return self._change(endpoint, cast(EndpointChanges, self.read_body(self.shapes.changes)))

    @operation(
        "replace_webhook",
        "Replace a webhook; its secret stays",
        body=attrgetter("body"),
        answer=Answer(attrgetter("webhook")),
    )
    def put(self, request: Request, webhook_id: str, **path: str) -> Response:
        endpoint = self.get_endpoint(webhook_id)
        return self._change(endpoint, cast(EndpointChanges, self.read_body(self.shapes.body)))

    @operation("delete_webhook", "Delete a webhook; the answer is what it was", answer=Answer(attrgetter("webhook")))
    def delete(self, request: Request, webhook_id: str, **path: str) -> Response:
        endpoint = self.get_endpoint(webhook_id)
        return self._answer(services.delete_endpoint(endpoint=endpoint, actor=self.caller.actor))

    def _change(self, endpoint: Endpoint, changes: EndpointChanges) -> Response:
        if "events" in changes:
            changes["events"] = [*changes["events"], *self._untold(endpoint)]
        events = set(changes.get("events", endpoint.events))
        if changes.get("url", endpoint.url) == endpoint.url:
            # What goes there already.
            events.difference_update(endpoint.events)
        self.check_stream_keys(events=events, format=endpoint.format)
        return self._answer(services.change_endpoint(endpoint=endpoint, actor=self.caller.actor, **changes))

    def _untold(self, endpoint: Endpoint) -> Collection[str]:
        """Return what the webhook listens for beside what this dialect's clients are told, and so cannot mean."""
        return [name for name in endpoint.events if name not in self.shapes.webhook.names]

    def _answer(self, endpoint: Endpoint) -> Response:
        return self.answer(self.shapes.webhook().to_representation(endpoint))


class EventNamesView(WebhooksApi):
    """/webhooks/all"""

    @operation("list_event_names", "List what a webhook can listen for", answer=Answer(attrgetter("names")))
    def get(self, request: Request, **path: str) -> Response:
        return self.answer([name for name in EVENT_NAMES if name in self.shapes.webhook.names])


class EventCatalogueView(WebhooksApi):
    """/webhooks/events"""

    @operation(
        "list_event_catalogue",
        "List what a webhook can listen for, and what each of it is",
        answer=Answer(EventNameSerializer, is_list=True, paging=Paging.NONE),
    )
    def get(self, request: Request, **path: str) -> Response:
        shape = EventNameSerializer()
        return self.answer([shape.to_representation(known) for known in EVENT_NAMES.values()])


class RotateSecretView(WebhooksApi):
    """/webhooks/{webhook_id}/rotate-secret"""

    @operation(
        "rotate_webhook_secret",
        "Give a webhook another secret; the present one signs beside it for 24 hours",
        answer=Answer(RotatedWebhookSerializer),
    )
    def post(self, request: Request, webhook_id: str, **path: str) -> Response:
        endpoint = self.get_endpoint(webhook_id)
        made = services.rotate_secret(endpoint=endpoint, actor=self.caller.actor)
        return self.answer(RotatedWebhookSerializer().to_representation(made))
