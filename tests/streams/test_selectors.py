"""Shaped reads of livestreams."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.livestreams import selectors
from streams.livestreams.selectors import LivestreamFilter
from streams.livestreams.services import create_livestream, delete_livestream, disable_livestream
from streams.models import App, Connection, Livestream, LivestreamCount, Organization
from streams.organizations.services import SYSTEM, NewOrganization
from tests.runs import connected, finished


class TestListLoads:
    def test_counts_a_session_where_its_encoder_is_now(self, livestream: Livestream) -> None:
        session = connected(livestream)
        earlier = clock.now() - timedelta(minutes=1)
        Connection.objects.update(node="north", connected_at=earlier, disconnected_at=clock.now())
        Connection.objects.create(session=session, node="east", client_id=9)

        assert [(load.node, load.running, load.waiting) for load in selectors.list_loads()] == [("east", 0, 1)]


class TestCountLivestreams:
    def test_follows_creation_and_deletion(self, home: NewOrganization) -> None:
        kept = [create_livestream(app=home.app, name=name, actor=SYSTEM) for name in ("one", "two", "three")]
        delete_livestream(livestream=kept[0], actor=SYSTEM)

        assert selectors.count_livestreams(home.app) == 2 == Livestream.objects.for_app(home.app).count()

    def test_knows_nothing_of_other_apps(self, foreign_livestream: Livestream, home: NewOrganization) -> None:
        assert selectors.count_livestreams(home.app) == 0

    def test_follows_bulk_changes(self, home: NewOrganization, abroad: NewOrganization) -> None:
        rows = [
            Livestream(app=app, playback_id=f"{number}{app.pk}"[:32])
            for app in (home.app, abroad.app)
            for number in range(10)
        ]
        Livestream.objects.bulk_create(rows)
        Livestream.objects.filter(pk__in=[row.pk for row in rows[:4]]).update(deleted_at=clock.now())
        Livestream.objects.filter(pk__in=[row.pk for row in rows[2:6]]).delete()
        Livestream.objects.filter(pk=rows[0].pk).update(deleted_at=None)

        assert selectors.count_livestreams(home.app) == 5 == Livestream.objects.for_app(home.app).count()
        assert selectors.count_livestreams(abroad.app) == 10

    def test_moves_with_a_livestream_to_another_app(self, livestream: Livestream) -> None:
        other = App.objects.create(organization=livestream.app.organization, name="Second")
        Livestream.objects.filter(pk=livestream.pk).update(app=other)

        assert selectors.count_livestreams(other) == 1
        assert selectors.count_livestreams(livestream.app) == 0

    def test_goes_with_its_app(self, home: NewOrganization) -> None:
        other = App.objects.create(organization=home.organization, name="Second")
        create_livestream(app=other, name="Short-lived", actor=SYSTEM)
        other.delete()

        assert not LivestreamCount.objects.filter(pk=other.pk).exists()


class TestOneReadPath:
    """An app's livestreams are its integrators'; all of an organization's are its members'."""

    def test_lists_and_counts_of_an_app_or_of_all_apps(
        self, livestream: Livestream, foreign_livestream: Livestream, home: NewOrganization
    ) -> None:
        other = App.objects.create(organization=home.organization, name="Second")
        in_other = create_livestream(app=other, name="Winter keynote", actor=SYSTEM)

        def found(owner: App | Organization, *, search: str = "") -> list[Livestream]:
            kept = selectors.list_livestreams(owner=owner, wanted=LivestreamFilter(search=search))
            assert kept.count() == len(kept.rows)
            return list(kept.rows)

        assert found(home.app) == [livestream]
        assert found(other) == [in_other]
        assert found(home.organization) == [in_other, livestream]
        assert found(home.organization, search="autumn") == [livestream]

    def test_gets_of_an_app_or_of_all_apps(
        self, livestream: Livestream, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        other = App.objects.create(organization=home.organization, name="Second")

        for owner in (home.app, home.organization):
            assert selectors.get_livestream(owner=owner, livestream_id=livestream.pk) == livestream
        for owner in (other, abroad.app, abroad.organization):
            with pytest.raises(NotFoundError):
                selectors.get_livestream(owner=owner, livestream_id=livestream.pk)

    @pytest.mark.parametrize(("states", "names"), [({"idle"}, {"A", "B"}), ({"disabled"}, {"B"}), ({"live"}, set())])
    def test_keeps_states(self, home: NewOrganization, states: set[str], names: set[str]) -> None:
        create_livestream(app=home.app, name="A", actor=SYSTEM)
        disable_livestream(livestream=create_livestream(app=home.app, name="B", actor=SYSTEM), actor=SYSTEM)

        found = selectors.list_livestreams(owner=home.app, wanted=LivestreamFilter(states=frozenset(states)))

        assert {row.name for row in found.rows} == names
        assert found.count() == len(names)


class TestSumIngestMs:
    def test_adds_up_all_sessions_in_one_query(
        self,
        livestream: Livestream,
        foreign_livestream: Livestream,
        home: NewOrganization,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        finished(connected(foreign_livestream), media_ms=9000)
        silent = create_livestream(app=home.app, name="Never used", actor=SYSTEM)
        for media_ms in (1500, 2700):
            finished(connected(livestream), media_ms=media_ms)

        with django_assert_num_queries(1):
            sums = selectors.sum_media([livestream, silent])

        assert sums == {livestream.pk: selectors.MediaTotals(4200, 0)}
