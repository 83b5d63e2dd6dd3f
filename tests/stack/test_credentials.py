"""credentials.json and the command that makes an organization."""

import json
import stat
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from livehub.stack.credentials import Credentials, banner, ensure_credentials
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from streams.models import ApiKey, App, Organization, User
from streams.organizations.credentials import Credential, authenticate_api_key, split_key
from streams.organizations.services import NewOrganization

KEYS = {
    "dashboard_url",
    "email",
    "password",
    "organization_id",
    "account_id",
    "app_id",
    "api_key",
    "api_token",
    "liveapi_base_url",
    "liveapi_key_id",
    "liveapi_key_secret",
    "cloudinary_base_url",
    "cloudinary_cloud_name",
    "cloudinary_api_key",
    "cloudinary_api_secret",
    "dyte_base_url",
    "realtimekit_base_url",
    "rtmp_url",
    "rtmps_url",
}


@pytest.mark.django_db
class TestEnsureCredentials:
    @pytest.fixture
    def made(self, instance: Instance) -> Credentials:
        prepare_folders(instance)
        return ensure_credentials(instance, is_first_start=True)

    def test_writes_exactly_what_is_promised_for_its_user_only(self, instance: Instance, made: Credentials) -> None:
        path = instance.credentials_path

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text()) == made
        assert set(made) == KEYS

    def test_opens_the_dashboard_and_every_dialect(self, made: Credentials) -> None:
        organization = Organization.objects.get(pk=made["organization_id"])

        assert User.objects.get(email=made["email"]).check_password(made["password"])
        for credential, kind in ((made["api_key"], ApiKey.Kind.BASIC), (made["api_token"], ApiKey.Kind.BEARER)):
            authenticate_api_key(split_key(credential), kind=kind, organization_id=organization.pk)
        self.check_pairs(made)

    def check_pairs(self, made: Credentials) -> None:
        of_liveapi = Credential(made["liveapi_key_id"], made["liveapi_key_secret"])
        of_cloudinary = Credential(made["cloudinary_api_key"], made["cloudinary_api_secret"])
        organization = authenticate_api_key(of_liveapi, kind=ApiKey.Kind.LIVEAPI).organization
        assert authenticate_api_key(of_cloudinary, kind=ApiKey.Kind.CLOUDINARY).organization == organization
        assert App.objects.get(pk=made["cloudinary_cloud_name"]).organization == organization

    def test_uses_the_vendors_forms(self, instance: Instance, made: Credentials) -> None:
        assert made["organization_id"] == made["account_id"]
        assert len(made["organization_id"]) == len(made["app_id"]) == 32
        assert made["dyte_base_url"] == f"{instance.public_url}/v2"
        assert made["realtimekit_base_url"] == f"{instance.public_url}/client/v4"
        assert made["liveapi_base_url"] == f"{instance.public_url}/liveapi"
        assert made["cloudinary_base_url"] == f"{instance.public_url}/cloudinary/v2/video"
        assert made["cloudinary_cloud_name"] == made["app_id"]
        assert made["rtmp_url"].endswith("/")
        assert made["rtmps_url"].endswith("/")

    def test_a_second_start_keeps_the_secrets_and_follows_the_settings(
        self, instance: Instance, made: Credentials
    ) -> None:
        moved = replace(instance, public_url="https://live.example.org")

        again = ensure_credentials(moved, is_first_start=False)

        assert again == {
            **made,
            "dashboard_url": "https://live.example.org/",
            "dyte_base_url": "https://live.example.org/v2",
            "realtimekit_base_url": "https://live.example.org/client/v4",
            "liveapi_base_url": "https://live.example.org/liveapi",
            "cloudinary_base_url": "https://live.example.org/cloudinary/v2/video",
        }
        assert Organization.objects.count() == 1

    def test_a_file_of_an_earlier_version_gets_what_it_lacks(self, instance: Instance, made: Credentials) -> None:
        older = {name: value for name, value in made.items() if not name.startswith(("liveapi", "cloudinary"))}
        instance.credentials_path.write_text(json.dumps(older))

        completed = ensure_credentials(instance, is_first_start=False)

        assert set(completed) == KEYS
        assert {**completed, **older} == completed
        self.check_pairs(completed)
        assert completed == ensure_credentials(instance, is_first_start=False)

    def test_a_lost_file_gets_new_secrets_that_work(self, instance: Instance, made: Credentials) -> None:
        instance.credentials_path.unlink()

        again = ensure_credentials(instance, is_first_start=False)

        assert again["email"] != made["email"]
        assert User.objects.get(email=again["email"]).check_password(again["password"])

    def test_the_banner_shows_how_to_log_in_and_publish(self, instance: Instance, made: Credentials) -> None:
        shown = banner(made, path=instance.credentials_path, shows_password=True)

        for text in (made["dashboard_url"], made["email"], made["password"], f"{made['rtmp_url']}STREAM_KEY"):
            assert text in shown
        assert "Send a test picture" in shown

    def test_the_banner_keeps_the_password_from_logs(self, instance: Instance, made: Credentials) -> None:
        shown = banner(made, path=instance.credentials_path, shows_password=False)

        # Whoever has only the terminal finds it all the same.
        assert str(instance.credentials_path) in shown

        assert made["password"] not in shown
        assert made["email"] in shown


@pytest.mark.django_db
class TestCreateOrganizationCommand:
    def run(self, **options: object) -> dict[str, object]:
        output = StringIO()
        call_command("create_organization", stdout=output, **options)
        made: dict[str, object] = json.loads(output.getvalue())
        return made

    def test_prints_the_credentials(self) -> None:
        made = self.run(name="Northwind", email="owner@northwind.example", password="correct horse battery")

        assert set(made) == KEYS
        assert made["password"] == "correct horse battery"
        assert not User.objects.get().is_staff

    def test_makes_staff_on_request(self) -> None:
        self.run(name="Northwind", email="owner@northwind.example", staff=True)

        assert User.objects.get().is_staff

    def test_makes_nobody_staff_who_has_an_account_already(self) -> None:
        self.run(name="Northwind", email="owner@northwind.example")

        with pytest.raises(CommandError, match=r"email: .* an address of its own"):
            self.run(name="Southwind", email="Owner@northwind.example", staff=True)

        assert not User.objects.get().is_staff
        assert Organization.objects.count() == 1

    def test_gives_staff_another_organization(self) -> None:
        self.run(name="Northwind", email="owner@northwind.example", staff=True)
        self.run(name="Southwind", email="owner@northwind.example", staff=True)

        assert User.objects.get().is_staff
        assert Organization.objects.count() == 2

    def test_does_not_claim_to_know_an_existing_password(self) -> None:
        self.run(name="Northwind", email="owner@northwind.example")

        assert self.run(name="Southwind", email="owner@northwind.example")["password"] is None

    def test_names_every_complaint_at_once(self) -> None:
        with pytest.raises(CommandError) as caught:
            self.run(name="two\nlines", email="nobody", password="short")

        for field in ("organization:", "email:", "password:"):
            assert field in str(caught.value)

    @pytest.mark.parametrize("name", ["", "two\nlines", "x" * 256])
    def test_refuses_an_unusable_name(self, name: str) -> None:
        with pytest.raises(CommandError, match="organization:"):
            self.run(name=name, email="owner@northwind.example")

        assert not Organization.objects.exists()


@pytest.mark.django_db
class TestCreateApiKeyCommand:
    def run(self, organization: object, **options: object) -> dict[str, str]:
        output = StringIO()
        call_command("create_api_key", organization=organization, stdout=output, **options)
        made: dict[str, str] = json.loads(output.getvalue())
        return made

    def test_prints_what_opens_one_dialect(self, home: NewOrganization) -> None:
        made = self.run(home.organization.pk.hex, kind="liveapi", name="Encoder farm", scope=["read"])

        key = authenticate_api_key(Credential(made["key_id"], made["secret"]), kind=ApiKey.Kind.LIVEAPI)
        assert (key.organization, key.name, key.scopes) == (home.organization, "Encoder farm", ["read"])

    @pytest.mark.parametrize("organization", ["nobody", "0" * 32])
    def test_says_that_there_is_no_such_organization(self, home: NewOrganization, organization: str) -> None:
        with pytest.raises(CommandError):
            call_command("create_api_key", "--organization", organization, "--kind", "basic")
