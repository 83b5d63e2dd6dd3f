"""Counting viewers by the media that an edge has delivered: pure, without rows, files or a clock of its own.

What each rule is worth was measured: docs/analytics.md.
"""
