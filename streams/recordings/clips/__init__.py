"""Clips: stretches of broadcasts and recordings, exact to the picture; and what of a window becomes a recording."""
