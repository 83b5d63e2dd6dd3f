"""How many files and connections a process may have open: as many as its user may be given, not the usual 1024."""

import resource


def allow_all() -> None:
    """Raise this process's limit, and that of the children to come, to the one that only root could raise."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
