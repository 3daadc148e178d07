"""What each fault of the providers must lead to in the portal: one row for each way it can strike.

`tests/connections/test_faults.py` runs every row for real and fails for a fault of the sandbox without a row. A
situation says when the fault strikes: on the trip to the sign-in page (SIGN_IN) or the consent page (CONSENT), when
the self-test looks at a connection that is being set up (SET_UP), or when a working connection is read (READING).
"""

from dataclasses import dataclass, field

SIGN_IN, CONSENT, SET_UP, READING = "sign-in", "consent", "set-up", "reading"
MEMBER = "the member's address"  # as a fault's target: this member, and not the colleague
ADMINISTRATOR = "the administrator's address"
EVERYBODY = ""
SCOPES = "https://www.googleapis.com/auth/"
RIVAL = "5165e0a1-0000-4000-8000-000000000002"


@dataclass(frozen=True)
class Row:
    """One fault in one situation, and the state it causes. The colleague beside the member is well unless the
    fault strikes everybody. `refused`: the reason a trip ends with; `never_back`: the provider keeps the browser.
    """

    fault: str
    provider: str
    when: str
    params: dict = field(default_factory=dict)
    target: str = EVERYBODY
    mode: str = "free_busy"
    settings: dict = field(default_factory=dict)
    first: bool = False  # strikes when the member is read for the first time

    refused: str = ""
    never_back: bool = False
    state: str = "active"
    shown: str = "healthy"  # what people see beside the stored state
    reason: str = ""
    tries_again: bool = False  # the self-test, by itself
    mailbox: str = "synced"
    failure: str = ""
    code: str = ""  # the provider's own word, kept with the failure
    waits: int = 0  # at least so many seconds before the mailbox is tried again
    slowed: int = 0  # so many seconds nothing is asked of the connection
    unknown: bool = False  # some time is neither free nor busy

    def __str__(self) -> str:
        detail = "-".join(str(value)[:24] for value in self.params.values())
        return "-".join(
            filter(None, (self.fault, self.provider, self.when, self.mode, detail, self.target[:10]))
        )


def trip(fault: str, provider: str, when: str, refused: str, **more) -> Row:
    """A trip to the provider that ends with this reason, and leaves the connection as it was."""
    return Row(fault, provider, when, refused=refused, **more)


def waiting(fault: str, provider: str, reason: str, *, shown: str = "waiting", **more) -> Row:
    """A connection in set-up that goes on trying by itself."""
    return Row(fault, provider, SET_UP, state="pending", shown=shown, reason=reason, tries_again=True, **more)


def stuck(fault: str, provider: str, reason: str, **more) -> Row:
    """A connection in set-up that needs a person."""
    return Row(fault, provider, SET_UP, state="pending", shown="pending", reason=reason, **more)


def lost(fault: str, provider: str, reason: str, **more) -> Row:
    """A working connection that an administrator has to mend; reading its mailboxes stops."""
    return Row(
        fault,
        provider,
        READING,
        state="needs_reauthorization",
        shown="needs_reauthorization",
        reason=reason,
        **{"mailbox": "stopped", **more},
    )


def failing(fault: str, provider: str, failure: str, *, shown: str = "healthy", **more) -> Row:
    """One mailbox that cannot be read."""
    more = {"target": MEMBER, **more}
    return Row(fault, provider, READING, shown=shown, mailbox="failing", failure=failure, **more)


def trouble(fault: str, provider: str, failure: str, **more) -> Row:
    """A mailbox that cannot be read for a reason that speaks of the connection."""
    return failing(fault, provider, failure, shown="degraded", **more)


def harmless(fault: str, provider: str, when: str = READING, **more) -> Row:
    """A fault nobody notices."""
    return Row(fault, provider, when, **more)


BOTH = ("google", "microsoft")
ANSWERS = [
    row
    for provider in BOTH
    for row in (
        harmless("latency", provider, params={"ms": 40}),
        trouble("latency", provider, "unreachable", target=EVERYBODY, params={"ms": 900},
                settings={"PROVIDER_TIMEOUT_SECONDS": 0.3}, code="ReadTimeout"),
        trouble("server_error", provider, "unreachable", params={"status": 500}, waits=60),
        trouble("server_error", provider, "unreachable", params={"status": 503}, waits=60),
        trouble("lost_answer", provider, "unreachable", waits=60),
        trouble("nonsense", provider, "unreadable", code="not JSON", waits=3600),
        trouble("truncated", provider, "unreadable", code="not JSON", waits=3600),
        trouble("failing_page", provider, "unreachable", params={"page": 1}, target=MEMBER),
        trouble("rate_limited", provider, "throttled", params={"retry_after": 120}, waits=120, slowed=120),
        trouble("rate_limited", provider, "throttled", waits=60, slowed=30),
        trouble("rate_limited", provider, "throttled", params={"status": 503, "retry_after": 90}, waits=90, slowed=90),
        waiting("server_error", provider, "provider_down"),
        waiting("rate_limited", provider, "provider_busy"),
        waiting("nonsense", provider, "failed_at_provider"),
        waiting("truncated", provider, "failed_at_provider"),
        waiting("lost_answer", provider, "provider_down"),
        waiting("latency", provider, "provider_down", params={"ms": 900},
                settings={"PROVIDER_TIMEOUT_SECONDS": 0.3}),
    )
]  # fmt: skip

GOOGLE = [
    trouble("rate_limited", "google", "throttled", code="userRateLimitExceeded", waits=60, slowed=30,
            params={"status": 403, "reason": "userRateLimitExceeded"}),
    trouble("rate_limited", "google", "throttled", code="quotaExceeded", waits=60, slowed=30,
            params={"status": 403, "reason": "quotaExceeded"}),
    # the key, the clock, the token address
    lost("clock_skew", "google", "key_rejected", params={"seconds": 4000}),
    lost("clock_skew", "google", "key_rejected", params={"seconds": -4000}),
    stuck("clock_skew", "google", "key_rejected", params={"seconds": -4000}),
    harmless("clock_skew", "google", params={"seconds": 200}),
    lost("service_key_removed", "google", "key_rejected"),
    stuck("service_key_removed", "google", "key_rejected"),
    trouble("token_unavailable", "google", "unreachable", target=EVERYBODY, waits=60),
    trouble("token_unavailable", "google", "unreachable", target=EVERYBODY, code="temporarily_unavailable",
            params={"error": "temporarily_unavailable", "status": 400}),
    waiting("token_unavailable", "google", "provider_down"),
    harmless("no_scope_in_token", "google"),
    harmless("no_scope_in_token", "google", SET_UP),
    # what was delegated
    waiting("delegation_pending", "google", "not_delegated"),
    lost("delegation_pending", "google", "revoked"),
    waiting("delegation_scope_missing", "google", "incomplete", shown="incomplete",
            params={"scope": f"{SCOPES}calendar.events.freebusy"}),
    waiting("delegation_scope_missing", "google", "incomplete", shown="incomplete",
            params={"scope": f"{SCOPES}userinfo.profile"}),
    lost("delegation_scope_missing", "google", "incomplete", params={"scope": f"{SCOPES}calendar.events.freebusy"}),
    lost("delegation_scope_missing", "google", "incomplete", mode="read_write", params={"scope": f"{SCOPES}calendar"}),
    lost("token_revoked", "google", "revoked"),
    failing("token_revoked", "google", "refused", code="authError"),
    harmless("token_revoked", "google", target=MEMBER, params={"times": 1}),
    lost("access_not_configured", "google", "api_not_enabled"),
    waiting("access_not_configured", "google", "api_not_enabled"),
    # one person
    failing("invalid_grant", "google", "no_mailbox", code="invalid_grant"),
    failing("invalid_grant", "google", "no_mailbox", params={"description": "The account has been deleted"}),
    waiting("invalid_grant", "google", "no_administrator_mailbox", target=ADMINISTRATOR),
    failing("access_denied", "google", "refused", code="access_denied"),
    waiting("access_denied", "google", "probe_refused", target=ADMINISTRATOR),
    failing("not_a_calendar_user", "google", "licence", code="notACalendarUser"),
    waiting("not_a_calendar_user", "google", "no_administrator_mailbox", target=ADMINISTRATOR),
    # the sign-in
    trip("consent_denied", "google", SIGN_IN, "sign_in_cancelled"),
    trip("admin_policy_enforced", "google", SIGN_IN, "", never_back=True),
    trip("token_unavailable", "google", SIGN_IN, "provider_down"),
    # answers that are good and yet not
    harmless("sync_token_expired", "google"),
    harmless("sync_token_expired", "google", mode="read_write"),
    harmless("calendar_error", "google", target=MEMBER, unknown=True),
    harmless("calendar_error", "google", target=MEMBER, unknown=True, params={"reason": "notFound"}),
    harmless("not_shared", "google"),  # each member is asked as themselves
]  # fmt: skip

MICROSOFT = [
    # Entra's errors at the token address
    lost("entra_error", "microsoft", "secret_expired", params={"code": 7000222}),
    lost("entra_error", "microsoft", "secret_expired", params={"code": 7000215}),
    lost("entra_error", "microsoft", "secret_expired", params={"code": 700027}),
    lost("entra_error", "microsoft", "revoked", params={"code": 700016}),
    lost("entra_error", "microsoft", "revoked", params={"code": 65001}),
    lost("entra_error", "microsoft", "revoked", params={"code": 90002}),
    lost("entra_error", "microsoft", "app_disabled", params={"code": 7000112}),
    lost("entra_error", "microsoft", "app_disabled", params={"code": 70001}),
    lost("entra_error", "microsoft", "blocked_by_policy", params={"code": 53003}),
    trouble("entra_error", "microsoft", "throttled", target=EVERYBODY, waits=60, slowed=30, params={"code": 90055}),
    stuck("entra_error", "microsoft", "secret_expired", params={"code": 7000222}),
    stuck("entra_error", "microsoft", "app_disabled", params={"code": 7000112}),
    stuck("entra_error", "microsoft", "blocked_by_policy", params={"code": 53003}),
    waiting("entra_error", "microsoft", "consent_spreading", params={"code": 700016}),
    waiting("entra_error", "microsoft", "provider_busy", params={"code": 90055}),
    trip("entra_error", "microsoft", SIGN_IN, "secret_expired", params={"code": 7000222}),
    # the permissions
    waiting("consent_late", "microsoft", "consent_spreading"),
    waiting("token_without_roles", "microsoft", "consent_spreading"),
    lost("token_without_roles", "microsoft", "revoked"),
    lost("token_without_roles", "microsoft", "revoked", mode="read_write"),
    lost("token_revoked", "microsoft", "revoked"),
    waiting("role_missing", "microsoft", "probe_refused"),
    failing("role_missing", "microsoft", "refused", shown="incomplete", reason="probe_refused", target=EVERYBODY,
            code="ErrorAccessDenied"),
    harmless("clock_skew", "microsoft", params={"seconds": 4000}),
    # one mailbox
    failing("mailbox_missing", "microsoft", "licence", code="MailboxNotEnabledForRESTAPI"),
    waiting("mailbox_missing", "microsoft", "no_administrator_mailbox", target=ADMINISTRATOR),
    failing("mailbox_policy", "microsoft", "refused", mode="read_write", code="ErrorAccessDenied"),
    waiting("mailbox_policy", "microsoft", "probe_refused", mode="read_write", target=ADMINISTRATOR),
    harmless("mailbox_policy", "microsoft", target=MEMBER),  # does not restrict Calendars.ReadBasic.All
    harmless("schedule_error", "microsoft", target=MEMBER, first=True),
    # the sign-in and the consent page
    trip("id_token_claims", "microsoft", SIGN_IN, "answer_invalid", params={"claims": {"nonce": "another"}}),
    trip("id_token_claims", "microsoft", SIGN_IN, "answer_invalid", params={"claims": {"aud": "another app"}}),
    trip("id_token_claims", "microsoft", SIGN_IN, "answer_invalid", params={"claims": {"tid": RIVAL}}),
    trip("consent_error", "microsoft", CONSENT, "declined"),
    trip("consent_error", "microsoft", CONSENT, "not_an_administrator",
         params={"error": "permission_denied", "error_description": "AADSTS90094: a policy prevents it"}),
    trip("consent_error", "microsoft", CONSENT, "failed_at_provider",
         params={"error": "server_error", "error_description": "AADSTS90033"}),
    trip("consent_forged_tenant", "microsoft", CONSENT, "wrong_tenant"),
    trip("consent_state_missing", "microsoft", CONSENT, "state_missing"),
    trip("consent_forged_state", "microsoft", CONSENT, "state_unknown"),
    # answers that are good and yet not
    harmless("delta_gone", "microsoft"),
    harmless("delta_gone", "microsoft", mode="read_write", params={"code": "resyncRequired", "status": 400}),
]  # fmt: skip

ROWS = [*ANSWERS, *GOOGLE, *MICROSOFT]

# Faults that strike elsewhere than in reading, and the tests that set them.
ELSEWHERE = {
    "mail_refused": "tests/orgunits/test_invitation_pages.py",
    "mail_deferred": "tests/orgunits/test_invitation_pages.py",
    "mail_lost_answer": "tests/providers/sandbox/test_mail.py",
    "push_lost": "tests/providers/google/test_push_faults.py",
    "push_duplicate": "tests/providers/google/test_push_faults.py",
    "push_delay": "tests/providers/google/test_push_faults.py",
    "channel_refused": "tests/providers/google/test_push_faults.py",
    "channel_short": "tests/providers/google/test_push_faults.py",
    "subscription_refused": "tests/providers/microsoft/test_push_faults.py",
    "client_state_wrong": "tests/providers/microsoft/test_push_faults.py",
    "validation_wrong": "tests/providers/microsoft/test_push_faults.py",
    "directory_partial": "tests/providers/google/test_directory_faults.py",
    "directory_empty": "tests/providers/google/test_directory_faults.py",
    "directory_page_repeats": "tests/providers/google/test_directory_faults.py",
    "delta_replay": "tests/providers/microsoft/test_directory_faults.py",
    "refresh_revoked": "tests/providers/google/test_personal_grants.py",
    "refresh_rotates": "tests/providers/google/test_personal_grants.py",
    "refresh_tokens_limited": "tests/providers/google/test_personal_grants.py",
}

# Faults of what the portal does not do yet: why no row can be run, and the feature that will bring it.
LATER = {
    "room_declines": ("no room is invited", "booking in Read Write"),
    "conference_type_refused": ("no event with a conference is written", "booking in Read Write"),
    "meet_pending": ("no event with a conference is written", "booking in Read Write"),
    "meet_fails": ("no event with a conference is written", "booking in Read Write"),
    "teams_off": ("no event with a conference is written", "booking in Read Write"),
    "duplicate_transaction_refused": ("no event is written", "booking in Read Write"),
    "teams_policy_missing": ("no meeting is made", "conferencing connections"),
}
