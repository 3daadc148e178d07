"""Rows of the top floor: rules, the plans made by them, the runs that apply plans, and who leaves."""

from .decisions import Kept, PairDecision, WelcomeMail
from .notices import RunNotice
from .offboardings import Offboarding
from .plans import Plan, PlanItem
from .rules import DirectoryPolicy, ProvisioningRule, RuleGrant
from .runs import ProvisioningRun

__all__ = [
    "DirectoryPolicy",
    "Kept",
    "Offboarding",
    "PairDecision",
    "Plan",
    "PlanItem",
    "ProvisioningRule",
    "ProvisioningRun",
    "RuleGrant",
    "RunNotice",
    "WelcomeMail",
]
