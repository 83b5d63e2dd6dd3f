"""The dialects that LiveHub speaks: what each vendor's clients send and expect."""

from livehub.api import wire
from livehub.api.dialect import Dialect
from streams.organizations.authentication import (
    BasicAuthentication,
    BearerAuthentication,
    CloudinaryAuthentication,
    LiveApiAuthentication,
)

DYTE = Dialect(wire=wire.DYTE, authentication=BasicAuthentication)
REALTIMEKIT = Dialect(wire=wire.REALTIMEKIT, authentication=BearerAuthentication)
LIVEAPI = Dialect(wire=wire.LIVEAPI, authentication=LiveApiAuthentication)
# Source: Cloudinary answers 200 where something has been made, too.
CLOUDINARY = Dialect(wire=wire.CLOUDINARY, authentication=CloudinaryAuthentication, created_status=200)
DIALECTS = (DYTE, REALTIMEKIT, LIVEAPI, CLOUDINARY)
