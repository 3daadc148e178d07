"""The portal's table of contents: everything about a unit stands under ou/<slug>/."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

import connections.urls
import orgunits.urls
import orgunits.urls.support
import provisioning.run_urls
import provisioning.urls
from config import gallery, home, sessions, social_sign_in, unit_life
from config.admin import sign_in
from orgunits.access import open_to

admin.site.login = sign_in

urlpatterns = [
    path("", home.front_door, name="front_door"),
    path("live", home.live, name="live"),
    path("favicon.ico", home.favicon, name="favicon"),
    path("ou/<slug:slug>/", home.unit_home, name="unit_home"),
    path("ou/<slug:slug>/settings/pause/", unit_life.unit_pause, name="unit_pause"),
    path("ou/<slug:slug>/settings/archive/", unit_life.unit_archive, name="unit_archive"),
    path("ou/<slug:slug>/", include(orgunits.urls.unit_urls)),
    path("ou/<slug:slug>/", include(connections.urls.unit_urls)),
    path("ou/<slug:slug>/", include(provisioning.run_urls.unit_urls)),
    path("ou/<slug:slug>/", include(provisioning.urls.unit_urls)),
    path("", include(orgunits.urls.urls)),
    path("", include(connections.urls.urls)),
    path("gallery/", gallery.gallery, name="gallery"),
    path("account/sessions/", open_to("signed_in")(sessions.sessions), name="usersessions_list"),
    *(
        path(f"account/{name}/login/callback/", social_sign_in.CALLBACKS[name], name=f"{name}_callback")
        for name in settings.SIGN_IN_SERVICES
    ),
    path("account/", include("allauth.urls")),
    path("admin/support/", include(orgunits.urls.support.urls)),
    path("admin/", admin.site.urls),
]
