"""Sealing every secret anew with the newest key, while the portal runs."""

from django.apps import apps
from django.db import transaction

from .sealing import SealedTextField


def rotate_keys() -> int:
    """Seal all sealed columns of all tables with the first of ENCRYPTION_KEYS; answers how many values.

    Row by row under its own lock: a change made meanwhile is never overwritten by an older value.
    Raises sealing.CannotOpen when a value needs a key that is no longer in ENCRYPTION_KEYS.
    """
    number = 0
    for model in apps.get_models():
        fields = [f.attname for f in model._meta.concrete_fields if isinstance(f, SealedTextField)]
        if not fields:
            continue
        for pk in model.objects.values_list("pk", flat=True).iterator():
            with transaction.atomic():
                row = model.objects.select_for_update().filter(pk=pk).first()
                filled = [name for name in fields if row is not None and getattr(row, name)]
                if filled:
                    model.objects.filter(pk=pk).update(**{name: getattr(row, name) for name in filled})
                    number += len(filled)
    return number
