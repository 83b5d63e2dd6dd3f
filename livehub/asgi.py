"""What uvicorn serves: HTTP by Django, the dashboard's websockets by Channels."""

import asyncio
import os
from contextlib import ExitStack

from django.core.asgi import get_asgi_application

from livehub.loading import loading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
_loading = ExitStack()
_loading.enter_context(loading())
_http = get_asgi_application()

# Only now are the apps loaded that the consumers need.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import WebsocketDenier  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import re_path  # noqa: E402

from livehub.core import tracing  # noqa: E402
from livehub.core.websockets import for_our_pages, with_user  # noqa: E402
from livehub.heartbeat import Receive, Send, lifespan  # noqa: E402
from streams.ingest.joins import after_the_worker  # noqa: E402
from streams.ingest.turns import in_turns  # noqa: E402
from streams.urls import websocket_urlpatterns as streams_sockets  # noqa: E402
from webhooks.urls import websocket_urlpatterns as webhooks_sockets  # noqa: E402

# Channels answers an unknown path with a traceback in the log; this one with 403, before a websocket is opened.
_unknown = re_path("", WebsocketDenier.as_asgi())  # type: ignore[arg-type]  # Typed for views.
_websocket = URLRouter([*streams_sockets, *webhooks_sockets, _unknown])  # type: ignore[list-item]  # Django's own patterns.
_hooks = after_the_worker(in_turns(_http), token=settings.INGEST_HOOK_TOKEN)  # type: ignore[arg-type]  # Typed by asgiref.


async def _lifespan(scope: object, receive: Receive, send: Send) -> None:
    async def tell(message: dict[str, str]) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            # Here, since uvicorn ends by the signal that it was told to end by: nothing is called then.
            await asyncio.to_thread(tracing.stop)
        await send(message)

    await lifespan(scope, receive, tell)


application = ProtocolTypeRouter(
    {"http": _hooks, "websocket": for_our_pages(with_user(_websocket)), "lifespan": _lifespan}
)
tracing.start("asgi")
_loading.close()
