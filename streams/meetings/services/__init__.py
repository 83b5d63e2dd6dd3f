"""Changing meetings, participants and presets; what happens in a session is in `lifecycle` and `room`."""
