"""Identifiers as the vendors have them."""

from uuid import UUID, uuid4

import pytest

from livehub.api.identifiers import get_object_id_range, object_id
from livehub.core.errors import NotFoundError


class TestObjectId:
    def test_is_found_again_among_all_uuids(self) -> None:
        identifier = uuid4()

        first, last = get_object_id_range(object_id(identifier).upper(), noun="livestream")

        assert first <= identifier <= last
        assert last.int - first.int == 0xFFFFFFFF

    def test_reaches_to_both_ends(self) -> None:
        ends = get_object_id_range("f" * 24, noun="livestream")

        assert ends == (UUID("ffffffffffffffffffffffff00000000"), UUID("f" * 32))

    @pytest.mark.parametrize("text", ["", "f" * 23, "f" * 25, "g" * 24, "٣" * 24, "f" * 23 + "\n", f"{UUID(int=1)}"])
    def test_is_unknown_when_it_is_none(self, text: str) -> None:
        with pytest.raises(NotFoundError):
            get_object_id_range(text, noun="livestream")
