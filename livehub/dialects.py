"""The dialects that LiveHub speaks: what each vendor's clients send and expect."""

from livehub.api import envelopes, wire
from livehub.api.dialect import Dialect, Security
from streams.organizations.authentication import (
    BasicAuthentication,
    BearerAuthentication,
    CloudinaryAuthentication,
    LiveApiAuthentication,
)

DYTE = Dialect(
    wire=wire.DYTE,
    envelope=envelopes.VENDOR,
    authentication=BasicAuthentication,
    security=Security("organizationKey", "basic", "User name: the organization's id. Password: the API key."),
)
REALTIMEKIT = Dialect(
    wire=wire.REALTIMEKIT,
    envelope=envelopes.VENDOR,
    authentication=BearerAuthentication,
    security=Security("apiToken", "bearer", "An API token."),
)
LIVEAPI = Dialect(
    wire=wire.LIVEAPI,
    envelope=envelopes.LIVEAPI,
    authentication=LiveApiAuthentication,
    security=Security("tokenPair", "basic", "User name: the token's id. Password: its secret."),
)
CLOUDINARY = Dialect(
    wire=wire.CLOUDINARY,
    envelope=envelopes.CLOUDINARY,
    authentication=CloudinaryAuthentication,
    security=Security("apiKeyPair", "basic", "User name: the API key. Password: the API secret."),
    # Source: Cloudinary's reference; it has no 201.
    created_status=200,
)
DIALECTS = (DYTE, REALTIMEKIT, LIVEAPI, CLOUDINARY)
