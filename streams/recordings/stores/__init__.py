"""Clients of the storages that recordings go to: one interface (`base`), no rows, no Django."""
