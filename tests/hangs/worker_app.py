"""LiveHub's Celery app with one task more, which leaves a sign that it ran."""

from pathlib import Path

from livehub.celery import app


@app.task(name="tests.leave_sign")  # type: ignore[untyped-decorator]  # Celery ships no types.
def leave_sign(path: str) -> None:
    Path(path).touch()
