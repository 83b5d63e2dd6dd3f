"""What is loaded with the collector at rest."""

import gc

import pytest

from livehub.loading import loading


def test_the_collector_rests_while_something_is_loaded_and_leaves_it_alone_later() -> None:
    with loading():
        assert not gc.isenabled()
        made = [object() for _ in range(3)]
        before = gc.get_freeze_count()

    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert not [one for one in gc.get_objects() if one is made]


def test_the_collector_goes_on_after_what_cannot_be_loaded() -> None:
    with pytest.raises(ImportError, match="no module"), loading():
        raise ImportError("no module")

    assert gc.isenabled()
