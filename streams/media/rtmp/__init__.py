"""Sending a broadcast to other platforms over RTMP(S): a publisher of our own, which tells what becomes of it."""
