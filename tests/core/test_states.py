import pytest

from livehub.core.errors import IllegalTransitionError
from livehub.core.states import StateMachine


class TestStateMachine:
    machine = StateMachine({"idle": frozenset({"live"})})

    def test_accepts_an_allowed_step(self) -> None:
        self.machine.check(old="idle", new="live")

    @pytest.mark.parametrize(("old", "new"), [("live", "idle"), ("idle", "idle"), ("gone", "live")])
    def test_refuses_any_other(self, old: str, new: str) -> None:
        with pytest.raises(IllegalTransitionError):
            self.machine.check(old=old, new=new)
