"""What a directory and a rule would have in a member's fields, and what they may change. Pure."""

from collections.abc import Container

from orgunits.names import normal_address

from .plan_values import (
    BY_HAND,
    FROM_CALENDAR,
    FROM_DIRECTORY,
    NAMES,
    NOT_TOLD,
    TOLD_FIELDS,
    Change,
    Known,
    Person,
    Rule,
)

# Sources a directory gives way to: a person, and the settings people keep in their own calendar. The latter is
# read every day, so overwriting it would change the same field to and fro.
STRONGER = frozenset({BY_HAND, FROM_CALENDAR})


def fields_of(person: Person, rule: Rule, zones: Container[str]) -> dict[str, object]:
    """The values `person` should have as a member by `rule`. A field nobody tells anything about is left out.

    `zones`: the names of the IANA database. Another name tells nothing.
    """
    told: dict[str, object] = {name: getattr(person, name).strip() for name in NAMES}
    zone = next((zone for zone in (rule.time_zone, person.time_zone) if zone and zone in zones), "")
    if zone:
        told["time_zone"] = zone
    if rule.working_hours is not None:
        told["working_hours"] = dict(rule.working_hours)
    return told


def first_values(person: Person, told: dict[str, object]) -> tuple[Change, ...]:
    """What a new member gets."""
    address = Change("address", "", normal_address(person.address))
    return (address, *(Change(name, "", told[name]) for name in TOLD_FIELDS if told.get(name)))


def changed_values(
    person: Person, member: Known, told: dict[str, object]
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """What changes in a member, and which fields stay because a stronger source said something else.

    An empty name empties only what a directory had said. The address follows the person, who is known by their
    id. A value the directory confirms becomes the directory's.
    """
    changes, held = [], []
    address = normal_address(person.address)
    if address and address != member.address:
        changes.append(Change("address", member.address, address))
    for name in TOLD_FIELDS:
        if name not in told:
            continue
        now, wanted = member.fields.get(name, NOT_TOLD), told[name]
        if now.source in STRONGER:
            if wanted and now.value != wanted:
                held.append(name)
        elif not wanted and now.source != FROM_DIRECTORY:
            continue
        elif (now.value, now.source) != (wanted, FROM_DIRECTORY):
            changes.append(Change(name, now.value, wanted, now.source))
    return tuple(changes), tuple(held)
