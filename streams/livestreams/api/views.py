"""The livestream operations of the REST API, for every dialect that has them."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, Paging, operation
from livehub.api.paging import Page, PageNumbers, PageQuery, take_page
from streams.livestreams import selectors, services
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.api.input import (
    LivestreamListParameters,
    LivestreamListQuery,
    PlayedLivestreamBody,
    pull_of,
    settings_of,
)
from streams.livestreams.api.serializers import (
    ActiveSession,
    DeletedLivestreamSerializer,
    LivestreamDetail,
    LivestreamSerializer,
    LivestreamShapes,
    Presenting,
    SessionSerializer,
    SwitchedLivestreamSerializer,
)
from streams.livestreams.models import Livestream, Session
from streams.livestreams.selectors import LivestreamFilter, LivestreamOrder
from streams.livestreams.services import LivestreamChanges


class LivestreamApi(LivestreamsApi):
    """What all of them share."""

    # Given by every route: as_view(shapes=...).
    shapes: LivestreamShapes = cast(LivestreamShapes, None)

    def get_livestream(self, livestream_id: str) -> Livestream:
        wanted = get_uuid(livestream_id, noun="livestream")
        return selectors.get_livestream(owner=self.caller.app, livestream_id=wanted)

    def read_page_query(self) -> PageNumbers:
        return cast(PageNumbers, self.read_query(PageQuery))

    def presenting(self, livestreams: Iterable[Livestream]) -> Presenting:
        return self.presenting_totals(selectors.sum_media(livestreams))

    def presenting_totals(self, totals: Mapping[UUID, selectors.MediaTotals]) -> Presenting:
        return {"words": self.shapes.words, "totals": totals, "shows_stream_key": self.shows_secrets}

    def answer_livestream(
        self, livestream: Livestream, *, status: int = 200, shape: type[LivestreamSerializer] | None = None
    ) -> Response:
        """Answer with the livestream as it is now: services change more of its row than the one in memory."""
        livestream = selectors.get_livestream(owner=self.caller.app, livestream_id=livestream.pk)
        presented = (shape or self.shapes.one)(context={**self.presenting([livestream])})
        return self.answer(presented.to_representation(livestream), status=status)


class LivestreamsView(LivestreamApi):
    """/livestreams"""

    @operation(
        "create_livestream",
        "Create a livestream",
        body=attrgetter("body"),
        answer=Answer(attrgetter("one"), status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        values = self.read_body(self.shapes.body)
        livestream = services.create_livestream(
            app=self.caller.app,
            name=str(values.get("name") or ""),
            actor=self.caller.actor,
            pull=pull_of(values),
            **settings_of(values),
        )
        # As it was made; it has taken nothing in.
        shape = self.shapes.one(context={**self.presenting_totals({})})
        return self.answer(shape.to_representation(livestream), status=201)

    @operation(
        "list_livestreams",
        "List livestreams",
        query=LivestreamListQuery,
        answer=Answer(attrgetter("listed"), is_list=True, list_name=attrgetter("list_name")),
    )
    def get(self, request: Request, **path: str) -> Response:
        parameters = cast(LivestreamListParameters, self.read_query(LivestreamListQuery, words=self.shapes.words))
        found = selectors.list_livestreams(owner=self.caller.app, wanted=_filter(parameters))
        page = take_page(
            found.rows.with_stream_key().select_related("pull_source"), wanted=parameters, count=found.count
        )
        shape = self.shapes.listed(context={**self.presenting(page.items)})
        items = [shape.to_representation(row) for row in page.items]
        return self.answer_list(items, page=page, name=self.shapes.list_name)


class LivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}, as both vendors have it."""

    @operation(
        "get_livestream",
        "Get a livestream with its sessions",
        query=PageQuery,
        answer=Answer(attrgetter("detail"), paging=Paging.NUMBERED),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        wanted = self.read_page_query()
        livestream = self.get_livestream(livestream_id)
        page = _take_sessions(livestream, wanted=wanted)
        detail = LivestreamDetail(livestream, page.items, page.paging)
        shape = self.shapes.detail(context={**self.presenting_totals(_sum_media(livestream, page))})
        return self.answer(shape.to_representation(detail), paging=page.paging)


class EditableLivestreamView(LivestreamView):
    """The same with what `/v2` has beyond the vendors."""

    @operation(
        "rename_livestream",
        "Change a livestream's name, how it is played and by whom, and how its broadcasts wait and end",
        body=PlayedLivestreamBody,
        answer=Answer(attrgetter("one")),
    )
    def patch(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        values = self.read_body(PlayedLivestreamBody)
        changes = cast(LivestreamChanges, {**settings_of(values)})
        if "name" in values:
            changes["name"] = str(values["name"] or "")
        if (pull := pull_of(values)) is not None:
            changes["pull"] = pull
        if changes:
            services.change_livestream(livestream=livestream, actor=self.caller.actor, **changes)
        return self.answer_livestream(livestream)

    @operation(
        "delete_livestream", "Delete a livestream; its encoder is cut", answer=Answer(DeletedLivestreamSerializer)
    )
    def delete(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.delete_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer({"id": livestream.pk, "message": "Livestream deleted"})


class EnableLivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}/enable"""

    @operation("enable_livestream", "Accept encoders again", answer=Answer(SwitchedLivestreamSerializer))
    def put(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.enable_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream, shape=SwitchedLivestreamSerializer)


class DisableLivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}/disable"""

    @operation(
        "disable_livestream",
        "Refuse encoders, and cut the one that publishes",
        answer=Answer(SwitchedLivestreamSerializer),
    )
    def put(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.disable_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream, shape=SwitchedLivestreamSerializer)


class ResetStreamKeyView(LivestreamApi):
    """/livestreams/{livestream_id}/reset-stream-key"""

    @operation(
        "reset_stream_key",
        "Give a livestream a new stream key; the encoder on the old one is cut",
        answer=Answer(attrgetter("one")),
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.reset_stream_key(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream)


class LivestreamSessionsView(LivestreamApi):
    """/livestreams/{livestream_id}/sessions"""

    @operation(
        "list_sessions",
        "List a livestream's sessions, newest first",
        query=PageQuery,
        answer=Answer(SessionSerializer, is_list=True),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        wanted = self.read_page_query()
        page = _take_sessions(self.get_livestream(livestream_id), wanted=wanted)
        shape = SessionSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class ActiveSessionView(LivestreamApi):
    """/livestreams/{livestream_id}/active-livestream-session"""

    @operation("get_active_session", "Get the broadcast that is going on", answer=Answer(attrgetter("active")))
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        active = ActiveSession(livestream, selectors.get_open_session(livestream))
        shape = self.shapes.active(context={**self.presenting([livestream])})
        return self.answer(shape.to_representation(active))


class SessionView(LivestreamApi):
    """/livestreams/sessions/{session_id}"""

    @operation("get_session", "Get a session", answer=Answer(SessionSerializer))
    def get(self, request: Request, session_id: str, **path: str) -> Response:
        wanted = get_uuid(session_id, noun="livestream session")
        session = selectors.get_session(app=self.caller.app, session_id=wanted)
        return self.answer(SessionSerializer(session).data)


def _filter(parameters: LivestreamListParameters) -> LivestreamFilter:
    is_oldest_first = parameters["sort_order"] == "ASC"
    return LivestreamFilter(
        search=parameters["search"],
        states=parameters["status"],
        created_from=parameters["start_time"],
        created_until=parameters["end_time"],
        excludes_meetings=parameters["exclude_meetings"],
        order=LivestreamOrder.OLDEST if is_oldest_first else LivestreamOrder.NEWEST,
    )


def _sum_media(livestream: Livestream, page: Page[Session]) -> Mapping[UUID, selectors.MediaTotals]:
    if len(page.items) < page.total:
        return selectors.sum_media([livestream])
    # All its sessions are here, so nobody has to be asked again.
    ingest_ms, viewer_ms = (
        sum(getattr(session, name) for session in page.items) for name in ("ingest_ms", "viewer_ms")
    )
    return {livestream.pk: selectors.MediaTotals(ingest_ms, viewer_ms)}


def _take_sessions(livestream: Livestream, *, wanted: PageNumbers) -> Page[Session]:
    sessions = selectors.list_sessions(livestream).with_taken_in()
    return take_page(sessions, wanted=wanted, count=sessions.count)
