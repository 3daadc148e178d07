"""Addresses of members, from invitation to removal."""

from django.urls import path

from orgunits.views import identity, invitations, joining

unit_urls = [
    path("members/invite/", invitations.invite, name="invite"),
    path("members/invite/<str:sheet_id>/", invitations.sheet, name="invitation_sheet"),
    path("members/invite/<str:sheet_id>/progress/", invitations.sheet_progress, name="sheet_progress"),
    path("members/invite/<str:sheet_id>/left-out.csv", invitations.sheet_left_out, name="sheet_left_out"),
    path("members/invitations/", invitations.invitation_list, name="invitations"),
    path(
        "members/invitations/<str:invitation_id>/resend/",
        invitations.invitation_resend,
        name="invitation_resend",
    ),
    path(
        "members/invitations/<str:invitation_id>/revoke/",
        invitations.invitation_revoke,
        name="invitation_revoke",
    ),
]
urls = [
    path("invitations/<str:token>/", joining.invitation, name="invitation"),
    path("confirm/<str:token>/", identity.confirm_identity, name="confirm_identity"),
]
