"""Everybody's mailbox as pages, and the control address of the mail."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup, escape

from .mail import Mail
from .world import the_world

blueprint = Blueprint("mail", __name__, template_folder="templates")
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
PEOPLE_SHOWN = 200


@blueprint.before_request
def _loopback_only() -> None:
    if request.remote_addr not in ("127.0.0.1", "::1"):
        abort(403)


@blueprint.app_template_filter("with_links")
def with_links(text: str) -> Markup:
    """`text` with its web addresses to click on."""
    done, at = Markup(), 0
    for found in LINK.finditer(text):
        done += escape(text[at : found.start()])
        done += Markup('<a href="{0}">{0}</a>').format(found.group())
        at = found.end()
    return done + escape(text[at:])


@blueprint.get("/mail/")
def people() -> Response | str:
    """Who has mail; `?address=` opens anybody's mailbox."""
    if wanted := request.args.get("address", "").strip():
        return redirect(url_for("mail.mailbox", address=wanted), 303)
    addresses = the_world().mail.addresses()
    return render_template("mail/people.html", addresses=addresses[:PEOPLE_SHOWN], count=len(addresses))


@blueprint.get("/mail/<address>/")
def mailbox(address: str) -> str:
    mails = the_world().mail.to(address)[::-1]
    return render_template("mail/mailbox.html", address=address, mails=mails)


@blueprint.get("/mail/<address>/<mail_id>/")
def message(address: str, mail_id: str) -> str:
    mail = the_world().mail.one(address, mail_id)
    if mail is None:
        abort(404)
    return render_template("mail/message.html", address=address, mail=mail)


def _as_json(mail: Mail) -> dict:
    headers = mail.message
    return {
        "id": mail.id,
        "time": mail.at,
        "sender": mail.sender,
        "recipients": mail.recipients,
        "from": str(headers["From"] or ""),
        "subject": mail.subject,
        "headers": [[name, str(value)] for name, value in headers.items()],
        "text": mail.text,
        "links": LINK.findall(mail.text),
    }


@blueprint.get("/control/mail")
def show() -> Response:
    """Mail to one address (`?to=`) or to anybody, the oldest first."""
    return jsonify(mail=[_as_json(one) for one in the_world().mail.to(request.args.get("to", ""))])


@blueprint.delete("/control/mail")
def clear() -> Response:
    the_world().mail.clear()
    return jsonify(mail=[])
