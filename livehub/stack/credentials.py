"""What a person or a program needs to use this instance: shown on the terminal, kept in credentials.json."""

import json
import secrets
import shlex
from io import StringIO
from pathlib import Path
from typing import TypedDict

from django.core.management import call_command

from livehub.core.paths import BASE_PATHS
from livehub.stack.folders import write_private
from livehub.stack.instance import Instance

_DEMO_NAME = "Demo"


class Credentials(TypedDict):
    dashboard_url: str
    email: str
    password: str
    organization_id: str
    account_id: str
    app_id: str
    api_key: str
    api_token: str
    liveapi_key_id: str
    liveapi_key_secret: str
    cloudinary_cloud_name: str
    cloudinary_api_key: str
    cloudinary_api_secret: str
    dyte_base_url: str
    realtimekit_base_url: str
    liveapi_base_url: str
    cloudinary_base_url: str
    rtmp_url: str
    rtmps_url: str


class Urls(TypedDict):
    """The part that follows the settings."""

    dashboard_url: str
    dyte_base_url: str
    realtimekit_base_url: str
    liveapi_base_url: str
    cloudinary_base_url: str
    rtmp_url: str
    rtmps_url: str


def urls(*, public_url: str, rtmp_url: str, rtmps_url: str) -> Urls:
    """Return where this instance is reached; the ingest URLs end with a slash."""
    return {
        "dashboard_url": f"{public_url}/",
        "dyte_base_url": public_url + BASE_PATHS["dyte"],
        "realtimekit_base_url": public_url + BASE_PATHS["realtimekit"],
        "liveapi_base_url": public_url + BASE_PATHS["liveapi"],
        "cloudinary_base_url": public_url + BASE_PATHS["cloudinary"],
        "rtmp_url": rtmp_url,
        "rtmps_url": rtmps_url,
    }


def ensure_credentials(instance: Instance, *, is_first_start: bool) -> Credentials:
    """Return the demo organization's credentials; side effects: the organization on the first start, and the file.

    A later start keeps what was made, adds the keys of dialects that came since, and writes today's URLs. When the file
    is gone, its secrets are, and a new demo organization is made, whose owner needs another address.
    """
    current = urls(public_url=instance.public_url, rtmp_url=instance.rtmp_url, rtmps_url=instance.rtmps_url)
    if instance.credentials_path.exists():
        known: Credentials = _complete(json.loads(instance.credentials_path.read_text()))
    else:
        known = _create_demo(suffix="" if is_first_start else f"-{secrets.token_hex(3)}")
    credentials: Credentials = {**known, **current}
    write_private(instance.credentials_path, json.dumps(credentials, indent=2) + "\n")
    return credentials


def banner(credentials: Credentials, *, path: Path, shows_password: bool) -> str:
    """Return what the terminal shows once everything runs; the password only where nobody has seen it yet.

    :param path: where the credentials are kept.
    """
    password = credentials["password"] if shows_password else "as you chose it; at first the one in the file below"
    return "\n".join(
        (
            "",
            f"  Dashboard  {credentials['dashboard_url']}",
            f"  E-mail     {credentials['email']}",
            f"  Password   {password}",
            "",
            "  Log in, create a livestream and press Send a test picture. Or put its key in place of STREAM_KEY:",
            "",
            f"  {example_command(credentials['rtmp_url'])}",
            "",
            f"  API keys and addresses are in {path}. Ctrl-C stops everything.",
            "",
        )
    )


def example_command(rtmp_url: str) -> str:
    """Return an ffmpeg line that publishes a moving picture and a tone, with a key frame every two seconds."""
    return shlex.join(
        [
            *("ffmpeg", "-re", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"),
            *("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"),
            *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
            *("-b:v", "3000k", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0"),
            *("-c:a", "aac", "-b:a", "128k", "-f", "flv", f"{rtmp_url}STREAM_KEY"),
        ]
    )


def _complete(known: Credentials) -> Credentials:
    """Return what an earlier version wrote with the pairs that it did not know."""
    if "liveapi_key_id" not in known:
        made = _create_key(known, "liveapi")
        known |= {"liveapi_key_id": made["key_id"], "liveapi_key_secret": made["secret"]}
    if "cloudinary_api_key" not in known:
        made = _create_key(known, "cloudinary")
        known |= {
            "cloudinary_cloud_name": known["app_id"],
            "cloudinary_api_key": made["key_id"],
            "cloudinary_api_secret": made["secret"],
        }
    return known


def _create_key(known: Credentials, kind: str) -> dict[str, str]:
    output = StringIO()
    call_command("create_api_key", organization=known["organization_id"], kind=kind, stdout=output)
    made: dict[str, str] = json.loads(output.getvalue())
    return made


def _create_demo(*, suffix: str) -> Credentials:
    output = StringIO()
    call_command("create_organization", name=_DEMO_NAME, email=f"owner{suffix}@livehub.example", stdout=output)
    made: Credentials = json.loads(output.getvalue())
    return made
