"""Django's PostgreSQL backend with a bound on every wait: `ENGINE = "livehub.core.postgresql"`.

A server that works but is busy keeps the bounds by itself (`bounds.SERVER_SIDE`). One that hangs (stopped, its disk or
the network gone) keeps none, so the client stops waiting too, and throws the connection away (`connection`).
"""
