"""What is found out before anything runs: ports, lock, folders, certificate."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from livehub.stack.errors import StartError
from livehub.stack.folders import prepare_folders, write_private
from livehub.stack.instance import Instance
from livehub.stack.lock import lock_data_folder
from livehub.stack.ports import check_ports, find_holder, wanted_ports
from livehub.stack.tls import ensure_self_signed
from tests.stack.users import ordinary_user


@contextmanager
def listening(address: str, port: int) -> Iterator[int]:
    """Yield the id of another process, which listens there."""
    script = (
        "import socket, sys; family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET; "
        "held = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family); print(flush=True); input()"
    )
    argv = [sys.executable, "-c", script, address, str(port)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n"
        yield holder.pid
        holder.kill()


class TestCheckPorts:
    def test_accepts_free_ones(self, instance: Instance) -> None:
        check_ports(wanted_ports(instance))

    def test_names_port_setting_and_holder(self, instance: Instance) -> None:
        with listening("127.0.0.1", instance.rtmp_port) as pid, pytest.raises(StartError) as caught:
            check_ports(wanted_ports(instance))

        assert f"Port {instance.rtmp_port} is in use by python" in str(caught.value)
        assert f"(process {pid})" in str(caught.value)
        assert "LIVEHUB_RTMP_PORT" in str(caught.value)

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    def test_names_the_user_of_what_an_ordinary_user_may_not_see(self, instance: Instance, address: str) -> None:
        with listening(address, instance.http_port), ordinary_user():
            assert find_holder(instance.http_port) == "a process of the user root (which one, only root may see)"

    @pytest.mark.parametrize("bind", ["::1", "::"])
    def test_names_the_holder_of_an_ipv6_port(self, instance: Instance, bind: str) -> None:
        with listening("::1", instance.http_port) as pid, pytest.raises(StartError, match=rf"in use by .* {pid}\)"):
            check_ports(wanted_ports(replace(instance, http_bind=bind)))

    def test_names_every_port_at_once(self, instance: Instance) -> None:
        taken = (instance.http_port, instance.rtmps_port)
        with ExitStack() as held:
            for port in taken:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            with pytest.raises(StartError) as caught:
                check_ports(wanted_ports(instance))

        assert "LIVEHUB_HTTP_PORT" in str(caught.value)
        assert "LIVEHUB_RTMPS_PORT" in str(caught.value)

    def test_refuses_one_port_for_two_things(self, instance: Instance) -> None:
        with pytest.raises(StartError, match="LIVEHUB_RTMP_PORT and LIVEHUB_RTMPS_PORT"):
            check_ports(wanted_ports(replace(instance, rtmps_port=instance.rtmp_port)))

    def test_blames_the_address_when_it_is_not_this_machines(self, instance: Instance) -> None:
        with pytest.raises(StartError, match="LIVEHUB_HTTP_BIND"):
            check_ports(wanted_ports(replace(instance, http_bind="192.0.2.254")))
        with pytest.raises(StartError, match="LIVEHUB_RTMP_BIND"):
            check_ports(wanted_ports(replace(instance, rtmp_bind="192.0.2.254")))

    def test_names_who_has_the_port_that_we_pull_from(self, instance: Instance) -> None:
        with listening(instance.own_address, instance.rtmp_port), pytest.raises(StartError, match="LIVEHUB_RTMP_PORT"):
            check_ports(wanted_ports(instance))


class TestLockDataFolder:
    def test_refuses_a_second_run_and_names_the_first(self, tmp_path: Path) -> None:
        descriptor = lock_data_folder(tmp_path / "run.lock")
        try:
            with pytest.raises(StartError, match=rf"\(process {os.getpid()}\).*LIVEHUB_DATA_DIR"):
                lock_data_folder(tmp_path / "run.lock")
        finally:
            os.close(descriptor)

    def test_is_free_again_when_its_holder_is_gone(self, tmp_path: Path) -> None:
        os.close(lock_data_folder(tmp_path / "run.lock"))

        os.close(lock_data_folder(tmp_path / "run.lock"))


class TestPrepareFolders:
    def test_keeps_other_users_out(self, instance: Instance) -> None:
        prepare_folders(instance)

        for folder in (instance.runtime_dir, instance.log_dir, instance.tls_dir, instance.playback_dir):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_keeps_them_out_of_folders_that_were_there_before(self, instance: Instance) -> None:
        for folder in (instance.data_dir, instance.playback_dir):
            folder.mkdir()
            folder.chmod(0o755)

        prepare_folders(instance)

        assert [stat.S_IMODE(path.stat().st_mode) for path in (instance.data_dir, instance.playback_dir)] == [0o700] * 2

    def test_refuses_a_runtime_folder_that_others_can_enter(self, instance: Instance, tmp_path: Path) -> None:
        in_tmp = tmp_path / "livehub-0-abc"
        in_tmp.mkdir()
        in_tmp.chmod(0o755)

        with pytest.raises(StartError, match="mode 0700"):
            prepare_folders(replace(instance, runtime_dir=in_tmp))

        assert stat.S_IMODE(in_tmp.stat().st_mode) == 0o755

    @pytest.mark.parametrize("character", ["$", ";", '"', "\n", "#", "{"])
    def test_refuses_a_path_that_would_be_read_as_configuration(self, instance: Instance, character: str) -> None:
        with pytest.raises(StartError, match="LIVEHUB_DATA_DIR"):
            prepare_folders(replace(instance, data_dir=instance.data_dir / f"a{character}b"))

        assert not instance.data_dir.exists()

    def test_says_where_it_may_not_write(self, instance: Instance, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(StartError, match="LIVEHUB_DATA_DIR"):
            prepare_folders(replace(instance, data_dir=tmp_path / "file" / "var"))


def test_private_files_are_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o644)

    write_private(path, "text")

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("text", 0o600)


class TestEnsureSelfSigned:
    @pytest.fixture
    def paths(self, tmp_path: Path) -> tuple[Path, Path]:
        return tmp_path / "certificate.pem", tmp_path / "key.pem"

    def make(self, paths: tuple[Path, Path], *, host: str = "live.example.org", now: datetime | None = None) -> bytes:
        ensure_self_signed(certificate_path=paths[0], key_path=paths[1], host=host, now=now)
        return paths[0].read_bytes()

    def test_names_the_public_host_and_keeps_the_key_private(self, paths: tuple[Path, Path]) -> None:
        certificate = x509.load_pem_x509_certificate(self.make(paths))

        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {"live.example.org", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
        assert stat.S_IMODE(paths[1].stat().st_mode) == 0o600

    def test_stays_as_it_is(self, paths: tuple[Path, Path]) -> None:
        assert self.make(paths) == self.make(paths)

    def test_follows_the_public_host(self, paths: tuple[Path, Path]) -> None:
        assert self.make(paths) != self.make(paths, host="192.0.2.7")

    def test_is_renewed_before_it_expires(self, paths: tuple[Path, Path]) -> None:
        old = self.make(paths, now=datetime.now(UTC) - timedelta(days=3640))

        assert self.make(paths) != old
