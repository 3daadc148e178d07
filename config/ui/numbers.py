"""Numbers as people read them."""

from django.utils.formats import number_format


def grouped(value):
    """A whole number with its language's thousands separator ("1,489"); anything else as it is."""
    return number_format(value, force_grouping=True) if isinstance(value, int) else value
