"""What the guard says, as codes and in words. Pure."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Block(StrEnum):
    """Why a reading removes nobody."""

    ERROR = "error"
    INCOMPLETE = "incomplete"
    EMPTY = "empty"
    SCOPES_CHANGED = "scopes_changed"
    FILTER_CHANGED = "filter_changed"
    DOMAIN_CHANGED = "domain_changed"
    CREDENTIAL_CHANGED = "credential_changed"


class Pause(StrEnum):
    """Why a person has to look first."""

    SHARE = "share"
    MOST = "most"
    OPS_ADMIN = "ops_admin"


class Cause(StrEnum):
    """What may be behind it."""

    FILTER_EDITED = "filter_edited"
    RULE_EDITED = "rule_edited"
    PERMISSION_LOST = "permission_lost"
    PROVIDER_INCIDENT = "provider_incident"
    KEY_REPLACED = "key_replaced"
    MUCH_SMALLER = "much_smaller"
    MANY_MISSING = "many_missing"


WORDS = {
    Block.ERROR: _("Reading the directory failed."),
    Block.INCOMPLETE: _("The directory was not read to its end."),
    Block.EMPTY: _("The directory answered, but with nobody in it."),
    Block.SCOPES_CHANGED: _("The permissions are not those of the run before."),
    Block.FILTER_CHANGED: _("The filter is not that of the run before."),
    Block.DOMAIN_CHANGED: _("The domain is not that of the run before."),
    Block.CREDENTIAL_CHANGED: _("The key is not that of the run before."),
    Pause.SHARE: _("More members would go than the share this unit allows."),
    Pause.MOST: _("More members would go than this unit allows in one run."),
    Pause.OPS_ADMIN: _("An Ops Admin would go."),
    Cause.FILTER_EDITED: _("Was the filter or the domain edited? It may show fewer people than before."),
    Cause.RULE_EDITED: _(
        "Was a rule edited, or a group or department renamed? Most of them match no rule any more."
    ),
    Cause.PERMISSION_LOST: _(
        "Was a permission lost? Some directories then show fewer people, without an error."
    ),
    Cause.PROVIDER_INCIDENT: _("Does the provider have an incident? Look at its status page."),
    Cause.KEY_REPLACED: _("Was the key replaced? The new one may see fewer people."),
    Cause.MUCH_SMALLER: _("This snapshot is much smaller than the one before."),
    Cause.MANY_MISSING: _(
        "Most of them are simply missing; the directory does not say that they were deleted or suspended."
    ),
}
