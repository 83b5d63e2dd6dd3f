import signal

import pytest

from streams.media.process import running
from streams.media.tenure import Tenure
from tests.services import HANG_S

_BROADCAST = "/playback/pb_one/0123456789abcdef"


class TestEndEarlier:
    @pytest.mark.parametrize("is_stopped", [False, True])
    def test_ends_what_an_earlier_run_has_left(self, is_stopped: bool) -> None:
        with running(["sleep", "60"], label="sleep", tenure=Tenure(_BROADCAST, 1)) as child:
            if is_stopped:
                child.process.send_signal(signal.SIGSTOP)

            ended = Tenure(_BROADCAST, 2).end_earlier()

            assert child.wait(timeout_s=HANG_S)
            assert child.exit_code == -signal.SIGKILL
            assert ended == [child.process.pid]

    @pytest.mark.parametrize(
        "other", [Tenure(_BROADCAST, 2), Tenure(_BROADCAST, 3), Tenure(f"{_BROADCAST}-2", 1), None], ids=str
    )
    def test_leaves_its_own_run_later_ones_and_other_broadcasts_alone(self, other: Tenure | None) -> None:
        with running(["sleep", "60"], label="sleep", tenure=other) as child:
            assert Tenure(_BROADCAST, 2).end_earlier() == []
            assert child.exit_code is None
