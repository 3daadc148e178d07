"""Addresses of connections and members' calendars: those of a unit, and those without one."""

from django.urls import path

from .views import (
    bulk,
    callbacks,
    connect,
    connections,
    hand_offs,
    identity,
    integrations,
    members,
    memberships,
    own_data,
    set_up,
)

_CONNECTION = "connections/<str:connection_id>/"
_MEMBER = "members/<str:member_id>/"

unit_urls = [
    path("connections/", connections.connections, name="connections"),
    path("connections/connect/", connect.start, name="connect_start"),
    path("connections/connect/service/", connect.service, name="connect_service"),
    path("connections/connect/<str:provider>/mode/", connect.mode, name="connect_mode"),
    path("connections/connect/<str:provider>/<str:mode>/check/", connect.check, name="connect_check"),
    path(_CONNECTION, connections.connection, name="connection"),
    path(f"{_CONNECTION}progress/", connections.connection_progress, name="connection_progress"),
    path(f"{_CONNECTION}pause/", connections.pause, name="connection_pause"),
    path(f"{_CONNECTION}resume/", connections.resume, name="connection_resume"),
    path(f"{_CONNECTION}disconnect/", connections.disconnect, name="connection_disconnect"),
    path(f"{_CONNECTION}domains/add/", connections.domain_add, name="domain_add"),
    path(f"{_CONNECTION}domains/<str:domain>/verify/", connections.domain_verify, name="domain_verify"),
    path(f"{_CONNECTION}domains/<str:domain>/remove/", connections.domain_remove, name="domain_remove"),
    path(f"{_CONNECTION}identities/", identity.identities, name="identities"),
    path(f"{_CONNECTION}set-up/", set_up.set_up, name="set_up"),
    path(f"{_CONNECTION}set-up/progress/", set_up.set_up_progress, name="set_up_progress"),
    path(f"{_CONNECTION}set-up/sign-in/", set_up.sign_in, name="sign_in"),
    path(f"{_CONNECTION}set-up/administrator/", set_up.prove_administrator, name="prove_administrator"),
    path(f"{_CONNECTION}set-up/dns/", set_up.prove_dns, name="prove_dns"),
    path(f"{_CONNECTION}set-up/consent/", set_up.consent, name="consent"),
    path(f"{_CONNECTION}set-up/check/", set_up.check_now, name="check_now"),
    path(f"{_CONNECTION}set-up/key/", set_up.key_add, name="key_add"),
    path(f"{_CONNECTION}set-up/key/shared/", set_up.key_shared, name="key_shared"),
    path(f"{_CONNECTION}hand-off/", set_up.hand_off_new, name="hand_off_new"),
    path(f"{_CONNECTION}hand-off/withdraw/", set_up.hand_off_revoke, name="hand_off_revoke"),
    path("integrations/", integrations.integrations, name="integrations"),
    path("members/", members.members, name="members"),
    path("members/act/", bulk.bulk_new, name="bulk_new"),
    path("members/export/", members.members_export, name="members_export"),
    path(_MEMBER, members.member, name="member"),
    path(f"{_MEMBER}calendars/", members.choose_calendars, name="choose_calendars"),
    path(f"{_MEMBER}connection/", members.choose_connection, name="choose_connection"),
    path(f"{_MEMBER}settings/", members.member_settings, name="member_settings"),
    path(f"{_MEMBER}identity/", identity.identity_ask, name="identity_ask"),
    path(f"{_MEMBER}address/", identity.member_address, name="member_address"),
    path(f"{_MEMBER}suspend/", memberships.member_suspend, name="member_suspend"),
    path(f"{_MEMBER}reinstate/", memberships.member_reinstate, name="member_reinstate"),
    path(f"{_MEMBER}remove/", memberships.member_remove, name="member_remove"),
    path(f"{_MEMBER}erase/", memberships.member_erase, name="member_erase"),
    path(f"{_MEMBER}data/", own_data.member_data, name="member_data"),
    path(f"{_MEMBER}data/download/", own_data.member_data_download, name="member_data_download"),
    path("me/data/", own_data.my_data, name="my_data"),
    path("me/data/download/", own_data.my_data_download, name="my_data_download"),
    path(f"{_MEMBER}restore/", memberships.member_restore, name="member_restore"),
]

urls = [
    path("authorization/callback/google", callbacks.google, name="callback_google"),
    path("authorization/callback/microsoft", callbacks.microsoft, name="callback_microsoft"),
    path(
        "authorization/callback/microsoft-consent",
        callbacks.microsoft_consent,
        name="callback_microsoft_consent",
    ),
    path("hand-off/set-up/", hand_offs.set_up, name="hand_off_set_up"),
    path("hand-off/set-up/progress/", hand_offs.set_up_progress, name="hand_off_progress"),
    path("hand-off/set-up/sign-in/", hand_offs.sign_in, name="hand_off_sign_in"),
    path("hand-off/set-up/administrator/", hand_offs.prove_administrator, name="hand_off_prove"),
    path("hand-off/set-up/consent/", hand_offs.consent, name="hand_off_consent"),
    path("hand-off/set-up/check/", hand_offs.check_now, name="hand_off_check"),
    path("hand-off/link/<str:token>/", hand_offs.hand_off, name="hand_off"),
]
