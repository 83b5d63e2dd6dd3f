"""Fetching a broadcast from where somebody else serves it, and publishing it to our own ingest server."""
