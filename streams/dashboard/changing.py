"""Forms of what is there already, and may be changed by others while somebody has the page open."""

from django import forms


class ChangeForm(forms.Form):
    """A form that comes back with what it showed: whatever somebody left alone is not said again.

    What a program or another person has changed meanwhile stays, unless it was changed here as well.
    """

    def show_what_is_there(self) -> None:
        """Have each field come back with what it showed first; call it when all fields are there."""
        for field in self.fields.values():
            # A secret is never shown, and one that is typed is not to stand on the page again.
            field.show_hidden_initial = not isinstance(field.widget, forms.PasswordInput)

    def changed(self) -> dict[str, object]:
        """Return what the checked form says otherwise than it showed, by field."""
        return {name: self.cleaned_data[name] for name in self.changed_data}
