"""What things may be called: what readers see of a name is all there is to it."""

import pytest

from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name


@pytest.mark.parametrize(
    "name",
    [
        "Autumn keynote",
        "Übertragung \u2013 №7 (½)",
        # Right to left, with a joiner that Persian spelling needs.
        "\u0634\u0628\u06a9\u0647 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u05e9\u05d9\u05d3\u05d5\u05e8 Live",
        # Devanagari with a joiner, and a name with a variant of its character.
        "\u0915\u094d\u200d\u0937",
        "\u845b\U000e0100\u98fe",
        # A family, a couple with hearts, a pirates' flag, Wales, a keycap, a thumb of some colour.
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f468",
        "\U0001f3f4\u200d\u2620\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
        "1\ufe0f\u20e3 \u00a9\ufe0f",
        "\U0001f44d\U0001f3fd",
    ],
)
def test_text_of_every_script_and_emoji_are_names(name: str) -> None:
    assert check_name(f" {name} ") == name


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("evil\u202egpj.exe", "U+202E at position 5"),
        ("a\u2066b\u2069", "U+2066"),
        ("\u200fname", "U+200F"),
        ("\u061c", "U+061C"),
        ("ad\u200bmin", "U+200B"),
        ("ad\u200cmin", "U+200C"),
        ("ad\u200dmin", "U+200D"),
        ("a\ufe0fdmin", "U+FE0F"),
        ("ad\u00admin", "U+00AD"),
        ("\ufeffname", "U+FEFF"),
        ("\u3164", "U+3164"),
        ("\u2800", "U+2800"),
        ("\u200d", "U+200D"),
        ("\u0645\u200c", "U+200C"),
        ("\u0645\u200c\u200c\u062e", "U+200C at position 3"),
        ("\U0001f44d\ufe0f\ufe0f", "U+FE0F"),
        ("a\U000e0061", "U+E0061"),
        ("\U000e0001", "U+E0001"),
    ],
)
def test_what_nobody_sees_is_refused_and_named(name: str, named: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        check_name(name, field="organization")

    assert [named in complaint for complaint in refused.value.fields["organization"]] == [True]
