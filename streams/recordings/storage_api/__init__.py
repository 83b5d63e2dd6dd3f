"""Storages over REST, as `/v2` has them."""
