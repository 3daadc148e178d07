"""Why a plan does what it does with one person: stored as a code, shown as a sentence. Pure."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Clause(StrEnum):
    """The one reason that decided an item."""

    # they come, or change
    MATCHES = "matches"
    CHANGED = "changed"
    RENAMED = "renamed"
    LEFT_ONE_RULE = "left_one_rule"
    CAME_BACK = "came_back"
    ADOPTED = "adopted"
    MOVED = "moved"
    MOVE_APPROVED = "move_approved"
    # they leave
    DELETED = "deleted"
    DISABLED = "disabled"
    ABSENT_TWICE = "absent_twice"
    NO_RULE = "no_rule"
    # nobody does anything
    UNCHANGED = "unchanged"
    ABSENT_ONCE = "absent_once"
    INCOMPLETE = "incomplete"
    KEPT = "kept"
    RULE_KEEPS = "rule_keeps"
    HELD_BY_NONE = "held_by_none"
    ALREADY_SUSPENDED = "already_suspended"
    SUSPENDED_BY_HAND = "suspended_by_hand"
    REMOVED_BY_HAND = "removed_by_hand"
    NO_ADDRESS = "no_address"
    SERVED_ELSEWHERE = "served_elsewhere"
    # somebody has to decide
    ADOPTION_WAITS = "adoption_waits"
    MOVE_WAITS = "move_waits"
    ADDRESS_TAKEN = "address_taken"
    SAME_ADDRESS = "same_address"
    TWO_PEOPLE = "two_people"
    TWO_MEMBERS = "two_members"
    STILL_INVITED = "still_invited"
    LINK_LOST = "link_lost"


# Conflicts that an Ops Admin can settle by saying yes or no to this person being this member.
APPROVABLE = frozenset({Clause.ADOPTION_WAITS, Clause.MOVE_WAITS, Clause.TWO_PEOPLE, Clause.TWO_MEMBERS})

WORDS = {
    Clause.MATCHES: _("Is in the directory and matches the rule."),
    Clause.CHANGED: _("The directory or a rule says something else than before."),
    Clause.RENAMED: _("The same person has another address in the directory."),
    Clause.LEFT_ONE_RULE: _("Does not match one of their rules any more."),
    Clause.CAME_BACK: _("Is back, after an earlier run suspended them."),
    Clause.ADOPTED: _("An Ops Admin said that this person is this member."),
    Clause.MOVED: _("Came from another directory of this unit; both tell the same employee id."),
    Clause.MOVE_APPROVED: _("An Ops Admin said that this person takes the place of the earlier one."),
    Clause.DELETED: _("The directory says that the person was deleted."),
    Clause.DISABLED: _("The directory suspended the account."),
    Clause.ABSENT_TWICE: _("Was missing in two complete snapshots of the directory."),
    Clause.NO_RULE: _("Matches no rule."),
    Clause.UNCHANGED: _("Everything is as it should be."),
    Clause.ABSENT_ONCE: _("Is missing in one snapshot of the directory. A second one decides."),
    Clause.INCOMPLETE: _(
        "The directory was not read completely, so nobody is suspended and nobody loses a role."
    ),
    Clause.KEPT: _("Somebody undid this. They are kept until the day that was named."),
    Clause.RULE_KEEPS: _("Has left the rule, and the rule changes nothing on leaving."),
    Clause.HELD_BY_NONE: _("Has left, and no rule of this directory held them."),
    Clause.ALREADY_SUSPENDED: _("Has left, and is suspended already."),
    Clause.SUSPENDED_BY_HAND: _("Somebody suspended them by hand. Only a person ends that."),
    Clause.REMOVED_BY_HAND: _("Somebody removed them from the unit. A rule does not bring them back."),
    Clause.NO_ADDRESS: _("The directory has no address for them."),
    Clause.SERVED_ELSEWHERE: _("Is a member by another directory of this unit, which still has them."),
    Clause.ADOPTION_WAITS: _("A member has this address. Somebody must say whether it is the same person."),
    Clause.MOVE_WAITS: _(
        "A member has this address whose own person has left a directory. Somebody must say whether it is the same."
    ),
    Clause.ADDRESS_TAKEN: _("Another member has this address."),
    Clause.SAME_ADDRESS: _("Two people in the directory have this address."),
    Clause.TWO_PEOPLE: _("Two people in the directory could be this one member."),
    Clause.TWO_MEMBERS: _("Two members could be this one person."),
    Clause.STILL_INVITED: _(
        "Was invited under another address and has not joined. Revoke that invitation first."
    ),
    Clause.LINK_LOST: _("This directory brought the member, but nothing is known of their person any more."),
}
