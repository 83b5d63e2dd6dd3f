"""Who may read figures, and those that our programs count: added up over all processes, those that are gone as well.

Processes come and go, and their counts must stay: else a sum would fall, which Prometheus takes for a new beginning.
So the files of those that are gone are folded into one of each kind before they are read.
"""

import fcntl
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from livehub.core import counters

_View = Callable[[HttpRequest], HttpResponse]
# What an app tells of its rows at a scrape, in a few questions whose number does not grow with the rows.
Finder = Callable[[], Iterable[Metric]]
_Key = TypeVar("_Key", bound=str | tuple[str, ...])
_GONE = "gone.db"
# What is folded at the moment; and a fold that is whole, of which the files may still be there.
_FOLDING, _WHOLE, _DRAFT = ".folding", ".whole", ".draft"
_finders: list[Finder] = []


def add_figures(finder: Finder) -> None:
    """Have those who scrape be told what `finder` finds as well (from `AppConfig.ready`)."""
    _finders.append(finder)


def found_figures() -> list[Metric]:
    """Return what all apps find in their rows now."""
    return [metric for finder in _finders for metric in finder()]


def gauge(name: str, about: str, labels: str, values: Mapping[_Key, float]) -> Metric:
    """Return values by their labels; `labels` names these, with spaces between them, and keys have them in order."""
    family = GaugeMetricFamily(f"livehub_{name}", about, labels=labels.split())
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else key, value)
    return family


def count_up(name: str, about: str, labels: str, values: Mapping[_Key, float]) -> Metric:
    """Return the same of what only grows."""
    family = CounterMetricFamily(f"livehub_{name}", about, labels=labels.split())
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else key, value)
    return family


def for_scrapers(view: _View) -> _View:
    """Admit who knows the token of `LIVEHUB_METRICS_TOKEN`; without one there is nothing to read."""

    @require_safe
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not settings.METRICS_TOKEN:
            return HttpResponse(status=404)
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
            told = "Send the token of LIVEHUB_METRICS_TOKEN as `Authorization: Bearer ...`.\n"
            headers = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
            return HttpResponse(told, status=401, content_type="text/plain; charset=utf-8", headers=headers)
        return view(request)

    return wrapper


def exposed(text: bytes) -> HttpResponse:
    """Return an answer in Prometheus' text format."""
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def counted() -> bytes:
    """Return what all processes of this machine have counted since the product was started, in that format.

    :raises OSError: when the folder of the counts cannot be read.
    """
    if counters.FOLDER is None:
        return generate_latest(counters.REGISTRY)
    with _alone_in(counters.FOLDER):
        _fold_gone(counters.FOLDER)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(counters.FOLDER))  # type: ignore[no-untyped-call]  # Theirs.
        return generate_latest(registry)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others from folding meanwhile: a file would be read twice, or not at all. It takes milliseconds."""
    with (folder / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fold_gone(folder: Path) -> None:
    """Fold the files of processes that are gone into one; wherever this ends, the next one goes on from there."""
    _finish(folder)
    try:
        for kind in counters.KINDS:
            counters.reserve(folder / f"{kind}{_DRAFT}")
    except OSError:
        # The disk is full: they can stay as they are.
        return
    for path in folder.glob("*.db"):
        pid = counters.process_of(path)
        if pid is not None and not Path(f"/proc/{pid}").exists():
            path.rename(path.with_suffix(_FOLDING))
    for kind in counters.KINDS:
        files = [str(path) for path in folder.glob(f"{kind}_*{_FOLDING}")]
        if files:
            _fold(folder, kind, files)
    _finish(folder)


def _fold(folder: Path, kind: str, files: list[str]) -> None:
    gone, draft = folder / f"{kind}_{_GONE}", folder / f"{kind}{_DRAFT}"
    merged = MultiProcessCollector.merge([*files, *([str(gone)] if gone.exists() else [])], accumulate=False)  # type: ignore[no-untyped-call]
    values = MmapedDict(str(draft))  # type: ignore[no-untyped-call]  # Theirs.
    for metric in merged:
        for sample in metric.samples:
            labels = sample.labels
            key = mmap_key(metric.name, sample.name, list(labels), list(labels.values()), metric.documentation)
            values.write_value(key, sample.value, 0.0)  # type: ignore[no-untyped-call]
    values.close()  # type: ignore[no-untyped-call]
    draft.rename(folder / f"{kind}{_WHOLE}")


def _finish(folder: Path) -> None:
    """Put folds that are whole in the place of what they are made of."""
    for whole in folder.glob(f"*{_WHOLE}"):
        for path in folder.glob(f"{whole.stem}_*{_FOLDING}"):
            path.unlink()
        whole.rename(folder / f"{whole.stem}_{_GONE}")
