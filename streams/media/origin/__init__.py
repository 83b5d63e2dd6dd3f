"""The origin: answers players' questions for a node's media playlists, and has them wait for what comes next.

It reads journals and remembers nothing of its own: killed, it begins again. Only our own nginx talks to it.
"""
