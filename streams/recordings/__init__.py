"""Recordings: what is kept of broadcasts, and the storages that it is kept in."""
