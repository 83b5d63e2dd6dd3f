"""The broadcast that is going on, and no other."""

from streams.models import Livestream, Session
from tests.api.clients import ApiClient, read
from tests.runs import connected, finished


def test_is_the_open_one_of_many(api: ApiClient, livestream: Livestream) -> None:
    for _ in range(4):
        finished(connected(livestream))
    going_on = connected(livestream)

    answer = read(api.get(f"/livestreams/{livestream.pk}/active-livestream-session"))

    assert str(going_on.pk) in str(answer)


def test_is_none_once_it_is_over(api: ApiClient, session: Session) -> None:
    finished(session)

    assert api.get(f"/livestreams/{session.livestream_id}/active-livestream-session").status_code == 404
