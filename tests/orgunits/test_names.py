"""How names sort and addresses compare: the same on every server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgunits.names import domain_of, normal_address, sort_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Éva", "eva"),
        ("eva", "eva"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Ångström", "angstrom"),
        ("Nguyễn", "nguyen"),
        ("ﬁne", "fine"),
        ("日本", "日本"),
        ("", ""),
    ],
)
def test_a_name_sorts_without_case_and_accents(text, key):
    assert sort_key(text) == key


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_sort_key_fits_its_column_and_no_upper_or_lower_case_changes_it(text):
    assert len(sort_key(text)) <= 200
    assert sort_key(text.casefold()) == sort_key(text)


@pytest.mark.parametrize(
    ("address", "normal", "domain"),
    [
        (" Olga@Kube.Example ", "olga@kube.example", "kube.example"),
        ('"odd@local"@kube.example', '"odd@local"@kube.example', "kube.example"),
        ("no address", "no address", ""),
        ("", "", ""),
        ("trailing@", "trailing@", ""),
    ],
)
def test_addresses_compare_without_case_and_blanks(address, normal, domain):
    assert normal_address(address) == normal
    assert domain_of(address) == domain
