"""One mail to one person, and what the mail server's answer means."""

import smtplib
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

HEADERS = {"Auto-Submitted": "auto-generated"}  # RFC 3834: nobody's absence note answers it


WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1))
LATER = timedelta(hours=4)


class Refused(Exception):
    """The mail server refuses this address for good. The argument: its code and words."""


class NotNow(Exception):
    """The mail could not be handed over now; later it may. The argument: why."""


def send(name: str, to: str, *, zone: str, **context) -> None:
    """Send `templates/emails/<name>.txt` to one address; times in it are shown in `zone` (IANA).

    Raises Refused or NotNow. A server that takes the mail and is gone before it says so counts as NotNow.
    """
    context["zone"] = zone
    with timezone.override(ZoneInfo(zone)):
        subject = render_to_string(f"emails/{name}.subject.txt", context)
        body = render_to_string(f"emails/{name}.txt", context)
    message = EmailMessage(one_line(subject), body, to=[to], headers=HEADERS)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        _give_up_or_wait(*next(iter(error.recipients.values())))
    except smtplib.SMTPDataError as error:
        _give_up_or_wait(error.smtp_code, error.smtp_error)
    except smtplib.SMTPResponseException as error:  # about our sign-in or sender, not about this address
        raise NotNow(_words(error.smtp_code, error.smtp_error)) from error
    except (ValueError, UnicodeError) as error:
        raise Refused(_("This is not an address that mail can be sent to.")) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotNow(_("The mail server cannot be reached.")) from error


def wait(attempts: int) -> timedelta:
    """How long to wait after so many tries that failed before this one."""
    return WAITS[attempts] if attempts < len(WAITS) else LATER


def one_line(text: str) -> str:
    """`text` without line breaks and other control characters, as a header and a name in a sentence need it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _give_up_or_wait(code: int, words: bytes | str) -> None:
    """RFC 5321 §4.2.1: 5yz is final, 4yz asks to try again."""
    raise (Refused if 500 <= code < 600 else NotNow)(_words(code, words))


def _words(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}")[:200]
