"""Which addresses are for programs, and which for people in a browser."""

# The first part of every API path, one for each dialect.
API_ROOTS = ("v2", "client", "liveapi", "cloudinary")
# What a client of each dialect calls its base URL, below our public one; Cloudinary's ends before the cloud's name.
BASE_PATHS = {"dyte": "/v2", "realtimekit": "/client/v4", "liveapi": "/liveapi", "cloudinary": "/cloudinary/v2/video"}
# Ingest hooks and health: asked by our own nginx and by load balancers.
_MACHINE_ROOTS = frozenset({*API_ROOTS, "edges", "internal", ".well-known"})
_MACHINE_PATHS = frozenset({"/healthz", "/metrics", "/readyz"})


def surface_of(path: str) -> str:
    """Return which of our faces an address belongs to: an API's root, "edges", "machine" or "page"."""
    root = path[1:].partition("/")[0]
    if root in API_ROOTS or root == "edges":
        return root
    return "machine" if path in _MACHINE_PATHS or root in _MACHINE_ROOTS else "page"


def is_page(path: str) -> bool:
    """Tell whether a browser shows what lies at this path; what is not known to be for programs is a page."""
    return path not in _MACHINE_PATHS and path[1:].partition("/")[0] not in _MACHINE_ROOTS
