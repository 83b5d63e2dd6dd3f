"""Requests from many clients at once: how many a second, and how long the slowest take."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CLIENTS = 8
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Figure:
    """One round of requests for one address."""

    per_s: float
    p99_ms: float


def measure(
    url: str, *, authorization: str, round_s: int, clients: int = CLIENTS, script: Path | None = None
) -> Figure:
    """Ask for the address again and again, as the script says if any; an answer that is not 2xx fails the test."""
    asked = ["-H", f"Authorization: {authorization}", *(["-s", str(script)] if script else []), url]
    argv = ["wrk", "-t1", f"-c{clients}", f"-d{round_s}s", "--latency", *asked]
    report = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=round_s + 30).stdout
    assert "Non-2xx" not in report, f"{url}: {report}"
    assert "Socket errors" not in report, f"{url}: {report}"
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", report)
    assert rate is not None, report
    assert p99 is not None, report
    return Figure(float(rate[1]), float(p99[1]) * _MS[p99[2]])
