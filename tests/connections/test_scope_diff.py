"""What a change of mode changes, compared before anybody agrees to anything."""

from itertools import product

import pytest

from connections.modes import CAPABILITIES, SCOPES, AccessMode, capabilities, offered
from connections.scope_diff import scope_diff

G = "https://www.googleapis.com/auth/"
CHANGES = [
    (provider, before, after)
    for provider in ("google", "microsoft")
    for before, after in (("read_write", "free_busy"), ("free_busy", "read_write"))
]


def wire(lines) -> list[str]:
    return [line.wire for line in lines]


def test_every_change_between_offered_modes_is_one_of_these():
    possible = [
        (provider, before, after)
        for provider, before in CAPABILITIES
        for after in offered(provider)
        if before and after != before
    ]

    assert sorted(possible) == sorted(CHANGES)


@pytest.mark.parametrize(("provider", "before", "after"), CHANGES)
def test_added_kept_and_dropped_are_the_two_lists_of_the_contract_and_nothing_else(provider, before, after):
    diff = scope_diff(provider, before, after)

    old, new = SCOPES[provider, before].contract, SCOPES[provider, after].contract
    assert sorted(line.contract for line in (*diff.kept, *diff.added)) == sorted(new)
    assert sorted(line.contract for line in (*diff.kept, *diff.dropped)) == sorted(old)


@pytest.mark.parametrize(("provider", "before", "after"), CHANGES)
def test_what_is_granted_for_the_organization_is_written_as_the_provider_writes_it(provider, before, after):
    diff = scope_diff(provider, before, after)

    granted = {*diff.while_both} - {*diff.to_remove}
    assert granted == set(SCOPES[provider, after].organization)
    assert {*diff.while_both} - {*diff.to_add} == set(SCOPES[provider, before].organization)


def test_google_from_read_write_to_free_busy_scope_by_scope():
    diff = scope_diff("google", "read_write", "free_busy")

    assert wire(diff.added) == [f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"]
    assert wire(diff.kept) == [f"{G}userinfo.email", f"{G}userinfo.profile"]
    assert [line.contract for line in diff.kept] == ["email", "profile"]
    assert [line.differs for line in diff.kept] == [True, True]
    assert wire(diff.dropped) == [f"{G}calendar"]
    assert not diff.needs_consent


def test_microsoft_from_free_busy_to_read_write_scope_by_scope():
    diff = scope_diff("microsoft", "free_busy", "read_write")

    assert [(line.contract, line.wire) for line in diff.added] == [
        ("Calendars.ReadWrite.All", "Calendars.ReadWrite")
    ]
    assert [(line.wire, line.organization) for line in diff.kept] == [("openid", False), ("email", False)]
    assert wire(diff.dropped) == ["Calendars.ReadBasic.All"]
    assert any("Calendars.ReadWrite.All" in str(words) for words in diff.differences)
    assert diff.needs_consent


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_going_back_is_the_same_comparison_turned_around(provider):
    there = scope_diff(provider, "read_write", "free_busy")
    back = scope_diff(provider, "free_busy", "read_write")

    assert (there.added, there.kept, there.dropped) == (back.dropped, back.kept, back.added)
    assert (there.starts, there.stops) == (back.stops, back.starts)
    assert (there.widens, back.widens) == (False, True)


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_only_the_narrower_mode_deletes_ids_of_events(provider):
    narrower = scope_diff(provider, "read_write", "free_busy")
    wider = scope_diff(provider, "free_busy", "read_write")

    assert [words for words in narrower.deleted_here if "ids of events" in str(words)]
    assert not [words for words in wider.deleted_here if "ids of events" in str(words)]


@pytest.mark.parametrize(("provider", "before", "after"), CHANGES)
def test_it_says_what_becomes_of_native_links_rooms_the_sender_and_what_is_seen(provider, before, after):
    diff = scope_diff(provider, before, after)

    gains = diff.starts if capabilities(provider, after).writes_events else diff.stops
    for words in ("written into the organizer", "links directly on the event", "Rooms", "We see members"):
        assert any(words in str(line) for line in gains), words
    other = diff.stops if gains is diff.starts else diff.starts
    for words in ("e-mailed calendar invitation", "separate conferencing", "busy or free"):
        assert any(words in str(line) for line in other), words


def test_only_microsoft_stops_telling_about_changes_in_free_busy():
    stops = {p: scope_diff(p, "read_write", "free_busy").stops for p in ("google", "microsoft")}

    assert any("within seconds" in str(line) for line in stops["microsoft"])
    assert not any("within seconds" in str(line) for line in stops["google"])


def test_who_must_agree_and_where_the_old_grant_is_removed_differ_by_provider():
    google = scope_diff("google", "read_write", "free_busy")
    microsoft = scope_diff("microsoft", "read_write", "free_busy")

    assert "super administrator" in str(google.who_approves)
    assert "another app registration" in str(microsoft.who_approves)
    assert "Domain-wide delegation" in " ".join(map(str, google.old_grant_advice))
    assert "Enterprise applications" in " ".join(map(str, microsoft.old_grant_advice))


@pytest.mark.parametrize(
    ("provider", "before", "after"),
    [
        (provider, before, after)
        for provider, before, after in product(
            ("google", "microsoft", "none"), AccessMode.values, AccessMode.values
        )
        if (provider, before, after) not in CHANGES
    ],
)
def test_there_is_no_other_change(provider, before, after):
    with pytest.raises(ValueError, match="no change"):
        scope_diff(provider, before, after)
