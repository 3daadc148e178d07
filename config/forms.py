"""How Django renders our forms: through the portal's own templates, so that `{{ form }}` looks right anywhere."""

from pathlib import Path

import django
from django.conf import settings
from django.forms.renderers import DjangoTemplates
from django.utils.functional import cached_property


class PortalFormRenderer(DjangoTemplates):
    """Forms start with an error summary; each field shows label, help and error (U13)."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"

    @cached_property
    def engine(self):
        return self.backend(
            {
                "APP_DIRS": True,
                "DIRS": [
                    settings.BASE_DIR / "templates",
                    Path(django.__file__).parent / "forms" / "templates",
                ],
                "NAME": "portalforms",
                "OPTIONS": {"builtins": ["config.ui"]},
            }
        )
