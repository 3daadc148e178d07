"""What rules and leaving keep on one member, as values for a page and for a file."""

from orgunits.models import Member

from .models import Kept, RuleGrant, WelcomeMail


def by_rule(member: Member) -> dict:
    """Which rules gave which role, until when somebody said they are kept, and how they left. Times in UTC."""
    kept = Kept.objects.filter(member=member).first()
    welcome = WelcomeMail.objects.filter(member=member).first()
    return {
        "rules": [
            {"rule": grant.rule.name, "role": grant.role}
            for grant in RuleGrant.objects.filter(member=member).select_related("rule").order_by("pk")
        ],
        "kept_until": kept.until if kept else None,
        "welcome_mail_due": welcome.due_on if welcome else None,
        "leavings": [
            {
                "began": row.begun_at,
                "undone": row.undone_at,
                "ended": row.ended_at,
                "signed_off": row.signed_off_at,
                "note": row.note,
                "dossier": row.dossier,
            }
            for row in member.offboardings.order_by("pk")
        ],
    }
