import pytest

# What it says of a difference is the proof.
pytest.register_assert_rewrite("tests.chaos.ledger")
