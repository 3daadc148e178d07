"""What can go wrong at Microsoft on purpose. Names that Google's side also has stand in the common table."""

FAULTS = {
    "entra_error": "The token address answers with the AADSTS error `code`, e.g. 7000222 (secret expired),"
    " 700016 (never consented or removed), 7000112 (application disabled), 53003, 90055.",
    "token_without_roles": "App-only tokens are issued without roles.",
    "consent_late": "Tokens carry no roles until `seconds` (60) after the consent.",
    "consent_error": "The consent page returns `error`, `error_description` and admin_consent=True whatever is"
    " clicked.",
    "consent_forged_tenant": "The consent page returns `tenant` (another tenant's guid) instead of the real one.",
    "consent_state_missing": "The consent page returns without `state`.",
    "consent_forged_state": "The consent page returns `state` (any text) instead of the caller's.",
    "token_revoked": "Graph refuses every access token with 401, as after a revocation.",
    "role_missing": "Graph answers 403 as if the permission were gone, though the token carries it.",
    "mailbox_missing": "The mailbox is answered with 404 MailboxNotEnabledForRESTAPI.",
    "mailbox_policy": "An application access policy blocks the mailbox: 403 ErrorAccessDenied. It does not apply"
    " to Calendars.ReadBasic.All.",
    "delta_gone": "Delta tokens are lost: 410 with `code` (SyncStateNotFound); users/delta adds a Location.",
    "delta_replay": "A round of users/delta or groups/delta repeats its first item at the end.",
    "schedule_error": "getSchedule answers 200 with an error (`code`, ErrorMailRecipientNotFound) for the address.",
    "teams_off": "Events come back with isOnlineMeeting false; with `silent` the calendar still says it allows"
    " Teams.",
    "teams_policy_missing": "No Teams application access policy: 403 on every onlineMeetings call.",
    "duplicate_transaction_refused": "A repeated transactionId is answered 409 instead of the first event.",
    "subscription_refused": "Subscriptions are refused with 403 whatever the permission.",
    "client_state_wrong": "Notifications carry a wrong clientState.",
    "validation_wrong": "The subscription handshake sends a validationToken with < and > in it.",
}
