"""Why a run is as it is, and why something could not be done with one person: codes in words. Pure."""

from django.utils.translation import gettext_lazy as _

# Of one person.
ITEM_REASONS = {
    "changed_meanwhile": _("Something changed after the plan was made. The next plan sees it."),
    "address_taken": _("Another member has this address."),
    "still_invited": _("Was invited under another address and has not joined."),
    "not_a_zone": _("The time zone is not known here."),
    "last_ops_admin": _("The unit would be left without an Ops Admin."),
    "not_grantable": _("This role is not given in this unit any more."),
    "unexpected": _("Something went wrong here. The operator of this portal finds it in the log."),
}

# Of the run.
RUN_REASONS = {
    "stale": _("The plan was out of date when the run began. Nothing was done."),
    "stale_since": _(
        "Others would go now than were approved. Nobody of them went; what was done before stays done."
    ),
    "by_hand": _("Somebody cancelled it. What was done stays done."),
    "kept": _("Somebody decided to keep everybody whom it would have suspended."),
    "overtaken": _("A newer reading of the directory came to another result."),
    "nothing_left": _("A newer reading of the directory shows them again. Nothing is left to decide."),
    "unit_at_rest": _("The unit is paused or archived."),
    "connection_at_rest": _("The directory connection does not work now."),
    "right_lost": _("Who started it may no longer do this."),
    "reading_not_good": _(
        "The last reading of the directory cannot be believed about who left. Approve again after a good one."
    ),
    "approval_ended": _("The approval ended before the run could use it. Approve again."),
}

# Of the rule a run's plan was for.
RULE_AS_BEFORE = _(
    "The rule is as it was before; the plan still has its change, and a new plan of it can be made."
)
RULE_CHANGED = _("The rule stays changed. The next reading of the directory goes on by it.")
