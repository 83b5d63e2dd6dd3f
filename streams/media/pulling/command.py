"""ffmpeg's command line and what it reads beside it: no address and no key stands in the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streams.media.pulling.source import PullUrl, SourceKind

# Seconds between two reports of progress.
_REPORT_S = 0.5
# Nothing from the source for so long, where its protocol says so; the watch on media time is the last word.
_SILENCE_US = 10_000_000
_LATENCY_US = 500_000
# As much as is read ahead, in packets: a segment of HLS is late now and then.
_AHEAD_PACKETS = 1024
# What may be opened, the whole way down: `pipe` is the list that names the source. HLS itself opens nothing but HTTP.
_PROTOCOLS = {
    SourceKind.RTMP: "pipe,rtmp,rtmps,tls,tcp,httpproxy",
    SourceKind.RTSP: "pipe,rtsp,rtp,tcp",
    SourceKind.SRT: "pipe,srt",
    # No TLS: the way out speaks it. By `httpproxy`, which that would need, a playlist could lead past the way out.
    SourceKind.HTTP: "pipe,http,tcp,crypto",
}
_FORMATS = {
    SourceKind.RTMP: "concat,flv,live_flv",
    SourceKind.RTSP: "concat,rtsp",
    SourceKind.SRT: "concat,mpegts",
    SourceKind.HTTP: "concat,hls,mpegts,mov,mp4,flv,live_flv,matroska,webm,aac,mp3,ac3,eac3,webvtt",
}
_X264 = [
    "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
    "-b:v", "4000k", "-maxrate", "4000k", "-bufsize", "4000k", "-force_key_frames", "expr:gte(t,n_forced*2)",
    "-sc_threshold", "0",
]  # fmt: skip
_AAC = ["-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2"]


@dataclass(frozen=True)
class Encodes:
    """What is not passed through, since our ingest takes H.264 and AAC."""

    video: bool = False
    audio: bool = False


@dataclass(frozen=True)
class Publication:
    """Where it goes: our ingest server's address, which ends with a slash, and a stream name, which is a secret."""

    base_url: str
    name: str = field(repr=False)


def pull_command(url: PullUrl, *, to: Publication, list_fd: int, preset_fd: int, encodes: Encodes) -> list[str]:
    """Return the command; what is a secret comes by the two descriptors: `source_list` and `preset`."""
    # At the pace of its own clock: segments come in bursts, and what stands still between them is no drop.
    pace = ["-re", "-thread_queue_size", str(_AHEAD_PACKETS)] if url.kind is SourceKind.HTTP else []
    return [
        "ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info",
        "-progress", "pipe:1", "-stats_period", str(_REPORT_S),
        "-protocol_whitelist", _PROTOCOLS[url.kind], "-format_whitelist", _FORMATS[url.kind],
        *pace, "-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", f"pipe:{list_fd}",
        "-sn", "-dn",
        *(_X264 if encodes.video else ["-c:v", "copy"]), *(_AAC if encodes.audio else ["-c:a", "copy"]),
        "-max_interleave_delta", str(_LATENCY_US), "-flush_packets", "1", "-flvflags", "no_duration_filesize",
        "-fpre", f"/dev/fd/{preset_fd}", "-f", "flv", to.base_url.rstrip("/"),
    ]  # fmt: skip


def preset(to: Publication) -> bytes:
    """Return the file of options that names the stream it is published as."""
    return f"rtmp_playpath={to.name}\n".encode()


def source_list(
    url: PullUrl, *, tunnel_port: int | None, address: str | None, proxy_host: str, authorities: str = ""
) -> bytes:
    """Return the list of one file, the source, with what is to be said of it.

    :param tunnel_port: of the egress proxy, where RTMP and RTSP go through that.
    :param address: one that was checked, where SRT goes to.
    :param authorities: a file of those whose certificates are trusted; empty for the system's.
    """
    verified = {"tls_verify": "1", **({"ca_file": authorities} if authorities else {})}
    if url.kind is SourceKind.SRT:
        return _list(_srt_address(url, str(address)), {})
    if url.kind is SourceKind.HTTP:
        return _list(_plain(url), {"rw_timeout": str(_SILENCE_US)})
    if url.scheme == "rtmps":
        return _list(url.text, {"rw_timeout": str(_SILENCE_US), "rtmp_live": "live", **verified})
    through = _at(url, f"{proxy_host}:{tunnel_port}")
    if url.kind is SourceKind.RTSP:
        return _list(through, {"rtsp_transport": "tcp", "timeout": str(_SILENCE_US)})
    return _list(through, {"rtmp_live": "live", "rtmp_tcurl": _tc_url(url), "rw_timeout": str(_SILENCE_US)})


def _plain(url: PullUrl) -> str:
    """Return the address as it is of plain HTTP: the way out knows that it means HTTPS."""
    if url.scheme == "http":
        return url.text
    host = f"[{url.host}]" if ":" in url.host else url.host
    return urlsplit(_at(url, f"{host}:{url.port}"))._replace(scheme="http").geturl()


def _at(url: PullUrl, where: str) -> str:
    """Return the address with another host and port."""
    parts = urlsplit(url.text)
    user, found, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{found}{where}").geturl()


def _tc_url(url: PullUrl) -> str:
    """Return what an RTMP client says it has connected to: the host itself, and the application."""
    parts = urlsplit(url.text)
    application = parts.path.strip("/").partition("/")[0]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{application}"


def _srt_address(url: PullUrl, address: str) -> str:
    host = f"[{address}]" if ":" in address else address
    query = url.srt_query
    ours = f"mode=caller&transtype=live&connect_timeout=5000&timeout={_SILENCE_US}"
    return f"srt://{host}:{url.port}?{f'{query}&' if query else ''}{ours}"


def _list(address: str, options: Mapping[str, str]) -> bytes:
    lines = ["ffconcat version 1.0", f"file {_quoted(address)}"]
    lines += [f"option {name} {_quoted(value)}" for name, value in options.items()]
    return "\n".join([*lines, ""]).encode()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", r"'\''") + "'"


def environment_of(proxy_url: str, path: str) -> Mapping[str, str]:
    """Return all that the child has in its environment: nothing else says which way it goes out."""
    return {"PATH": path, "http_proxy": proxy_url}
