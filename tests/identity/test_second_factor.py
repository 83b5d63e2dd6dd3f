"""Codes: each once, a little early or late, not guessed; recovery codes; and who may change any of it."""

from collections.abc import Callable
from functools import partial

import pytest
from django.test import Client

from streams.identity import second_factor
from streams.identity.passwords import WrongPasswordError
from streams.identity.second_factor import SecondFactorStateError, WrongCodeError, use_code
from streams.models import AuditEntry, LogIn, RecoveryCode, SecondFactor, User
from tests.identity.conftest import PASSWORD, Phone, Time, phone_of
from tests.overtaking import overtaken


class TestSetUp:
    def test_asks_for_nothing_before_a_first_code_was_right(self, owner: User) -> None:
        second_factor.start_second_factor(user=owner, password=PASSWORD)

        assert second_factor.find_second_factor(owner) is None

    def test_keeps_its_secret_encrypted_and_shows_it_to_the_app(self, owner: User) -> None:
        factor = second_factor.start_second_factor(user=owner, password=PASSWORD)

        secret = second_factor.secret_of(factor)
        assert secret not in factor.encrypted
        assert f"secret={secret}" in second_factor.app_uri(factor)
        assert "owner%40northwind.example" in second_factor.app_uri(factor)

    def test_refuses_a_wrong_first_code(self, owner: User, time: Time) -> None:
        factor = second_factor.start_second_factor(user=owner, password=PASSWORD)
        phone = Phone(second_factor.secret_of(factor), time)

        with pytest.raises(WrongCodeError):
            second_factor.confirm_second_factor(user=owner, code=phone.wrong_code(), keep=None)

        assert second_factor.find_second_factor(owner) is None
        assert not RecoveryCode.objects.exists()

    @pytest.mark.parametrize(
        "deed",
        [
            second_factor.start_second_factor,
            partial(second_factor.remake_recovery_codes, keep=None),
            partial(second_factor.turn_off_second_factor, keep=None),
        ],
    )
    def test_takes_the_password(self, owner: User, phone: Phone, deed: Callable[..., object]) -> None:
        before = SecondFactor.objects.values().get()
        codes = set(RecoveryCode.objects.values_list("digest", flat=True))

        with pytest.raises(WrongPasswordError):
            deed(user=owner, password="wrong")

        assert SecondFactor.objects.values().get() == before
        assert set(RecoveryCode.objects.values_list("digest", flat=True)) == codes

    def test_does_not_replace_one_that_is_on(self, owner: User, phone: Phone) -> None:
        with pytest.raises(SecondFactorStateError):
            second_factor.start_second_factor(user=owner, password=PASSWORD)

        use_code(user=owner, code=phone.code())

    def test_off_forgets_everything(self, owner: User, phone: Phone) -> None:
        second_factor.turn_off_second_factor(user=owner, password=PASSWORD, keep=None)

        assert not SecondFactor.objects.exists()
        assert not RecoveryCode.objects.exists()
        with pytest.raises(SecondFactorStateError):
            use_code(user=owner, code=phone.code())

    @pytest.mark.parametrize("deed", [second_factor.remake_recovery_codes, second_factor.turn_off_second_factor])
    def test_changes_end_log_ins_elsewhere(self, owner: User, phone: Phone, deed: Callable[..., object]) -> None:
        here, elsewhere = Client(), Client()
        for browser in (here, elsewhere):
            browser.force_login(owner)

        deed(user=owner, password=PASSWORD, keep=here.session.session_key)

        assert [log_in.session_key for log_in in LogIn.objects.filter(user=owner)] == [here.session.session_key]

    def test_is_written_down(self, owner: User, phone: Phone) -> None:
        second_factor.remake_recovery_codes(user=owner, password=PASSWORD, keep=None)
        second_factor.turn_off_second_factor(user=owner, password=PASSWORD, keep=None)

        entries = AuditEntry.objects.filter(action__startswith="second_factor.").order_by("id")
        assert [(entry.action, entry.user, entry.target_id) for entry in entries] == [
            ("second_factor.turned_on", owner, owner.pk),
            ("second_factor.recovery_codes_made", owner, owner.pk),
            ("second_factor.turned_off", owner, owner.pk),
        ]


class TestAppCode:
    @pytest.mark.parametrize("off_by_s", [-30, 0, 30])
    def test_may_be_one_step_early_or_late(self, owner: User, phone: Phone, off_by_s: int) -> None:
        use_code(user=owner, code=phone.code(off_by_s=off_by_s))

    @pytest.mark.parametrize("off_by_s", [-60, 60])
    def test_may_not_be_two(self, owner: User, phone: Phone, off_by_s: int) -> None:
        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=phone.code(off_by_s=off_by_s))

    def test_is_read_as_people_type_it(self, owner: User, phone: Phone) -> None:
        code = phone.code()

        use_code(user=owner, code=f" {code[:3]} {code[3:]} ")

    def test_is_taken_once(self, owner: User, phone: Phone, time: Time) -> None:
        code = phone.code()
        use_code(user=owner, code=code)
        time.passes(seconds=20)

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=code)

    def test_of_an_earlier_step_is_not_taken_after_a_later_one(self, owner: User, phone: Phone) -> None:
        use_code(user=owner, code=phone.code())

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=phone.code(off_by_s=-30))

    def test_that_turned_it_on_opens_nothing(self, owner: User, time: Time) -> None:
        factor = second_factor.start_second_factor(user=owner, password=PASSWORD)
        code = Phone(second_factor.secret_of(factor), time).code()
        second_factor.confirm_second_factor(user=owner, code=code, keep=None)

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=code)

    def test_of_somebody_else_opens_nothing(self, owner: User, stranger: User, phone: Phone, time: Time) -> None:
        stranger.set_password(PASSWORD)
        stranger.save(update_fields=["password"])
        other, _ = phone_of(stranger, time)

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=other.code())

    @pytest.mark.django_db(transaction=True)
    def test_is_taken_once_by_two_at_the_same_instant(self, owner: User, phone: Phone) -> None:
        code = phone.code()

        with pytest.raises(WrongCodeError):
            overtaken(lambda: use_code(user=owner, code=code), by=lambda: use_code(user=owner, code=code))


class TestRecoveryCode:
    def test_opens_once(self, owner: User, recovery_codes: list[str]) -> None:
        assert len(set(recovery_codes)) == 10
        for code in recovery_codes:
            use_code(user=owner, code=code.upper().replace("-", " "))
            with pytest.raises(WrongCodeError):
                use_code(user=owner, code=code)

        factor = second_factor.find_second_factor(owner)
        assert factor is not None
        assert second_factor.count_recovery_codes(factor) == 0
        assert AuditEntry.objects.filter(action="second_factor.recovery_code_used").count() == 10

    def test_stands_nowhere(self, owner: User, recovery_codes: list[str]) -> None:
        kept = str(list(RecoveryCode.objects.values()))

        for code in recovery_codes:
            assert code not in kept
            assert code.replace("-", "") not in kept

    def test_of_before_is_worth_nothing(self, owner: User, recovery_codes: list[str]) -> None:
        fresh = second_factor.remake_recovery_codes(user=owner, password=PASSWORD, keep=None)

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=recovery_codes[0])
        use_code(user=owner, code=fresh[0])

    def test_of_somebody_else_opens_nothing(
        self, owner: User, stranger: User, recovery_codes: list[str], time: Time
    ) -> None:
        stranger.set_password(PASSWORD)
        stranger.save(update_fields=["password"])
        _, others = phone_of(stranger, time)

        with pytest.raises(WrongCodeError):
            use_code(user=owner, code=others[0])

    @pytest.mark.django_db(transaction=True)
    def test_opens_for_one_of_two_at_the_same_instant(self, owner: User, recovery_codes: list[str]) -> None:
        code = recovery_codes[0]

        with pytest.raises(WrongCodeError):
            overtaken(lambda: use_code(user=owner, code=code), by=lambda: use_code(user=owner, code=code))
