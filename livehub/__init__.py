"""LiveHub: the project."""
