"""The mail server and everybody's mailbox, with real SMTP."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from .server import SandboxServer

OLGA = "olga@kube.example"


def send(sandbox: SandboxServer, *to: str, subject: str = "Hello", text: str = "Good morning.\n") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Convoke <convoke@portal.example>", to, subject
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=5) as client:
        client.send_message(message)


def test_a_message_is_kept_as_it_came(sandbox: SandboxServer) -> None:
    send(sandbox, OLGA, subject="Grüße", text="Zwölf Boxkämpfer.\nhttps://portal.example/x/?a=1&b=2.\n")

    (mail,) = sandbox.mail_to(OLGA)

    assert (mail["sender"], mail["recipients"]) == ("convoke@portal.example", [OLGA])
    assert (mail["from"], mail["subject"]) == ("Convoke <convoke@portal.example>", "Grüße")
    assert mail["text"] == "Zwölf Boxkämpfer.\nhttps://portal.example/x/?a=1&b=2.\n"
    assert mail["links"] == ["https://portal.example/x/?a=1&b=2"]


def test_each_mailbox_holds_its_own_in_any_case(sandbox: SandboxServer) -> None:
    send(sandbox, "Olga@Kube.example", "carl@kube.example")
    send(sandbox, "carl@kube.example", subject="Again")

    assert [mail["subject"] for mail in sandbox.mail_to("OLGA@kube.example")] == ["Hello"]
    assert [mail["subject"] for mail in sandbox.mail_to("carl@kube.example")] == ["Hello", "Again"]
    assert len(sandbox.control("GET", "mail")["mail"]) == 2
    assert sandbox.mail_to("nobody@kube.example") == []


@pytest.mark.parametrize(("fault", "code"), [("mail_refused", 550), ("mail_deferred", 451)])
def test_one_address_can_be_refused(sandbox: SandboxServer, fault: str, code: int) -> None:
    sandbox.fault(fault, target=OLGA, times=1, words="Not today")

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(sandbox, OLGA)
    send(sandbox, OLGA, subject="Again")

    ((answer, words),) = refused.value.recipients.values()
    assert (answer, words.endswith(b"Not today")) == (code, True)
    assert [mail["subject"] for mail in sandbox.mail_to(OLGA)] == ["Again"]


def test_the_answer_can_be_lost_after_the_message_was_taken(sandbox: SandboxServer) -> None:
    sandbox.fault("mail_lost_answer", times=1)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sandbox, OLGA)

    assert len(sandbox.mail_to(OLGA)) == 1


def test_mail_survives_a_restart_and_goes_with_a_reset(tmp_path: Path) -> None:
    server = SandboxServer(tmp_path)
    server.start()
    send(server, OLGA)
    server.stop()

    again = SandboxServer(tmp_path)
    again.start()
    try:
        assert len(again.mail_to(OLGA)) == 1
        again.control("POST", "reset", all=True)
        assert again.mail_to(OLGA) == []
        send(again, OLGA)
        again.control("DELETE", "mail")
        assert again.mail_to(OLGA) == []
    finally:
        again.stop()


def test_pages_show_who_has_mail_and_links_can_be_clicked(sandbox: SandboxServer) -> None:
    send(sandbox, OLGA, subject="<b>Hi</b>", text='Open <https://portal.example/a"b>.\n')
    (mail,) = sandbox.mail_to(OLGA)

    pages = [
        requests.get(f"{sandbox.url}{path}").text
        for path in ("/mail/", f"/mail/{OLGA}/", f"/mail/{OLGA}/{mail['id']}/")
    ]

    assert f'href="/mail/{OLGA}/"' in pages[0]
    assert "&lt;b&gt;Hi&lt;/b&gt;" in pages[1]
    assert '<a href="https://portal.example/a">https://portal.example/a</a>' in pages[2]
    assert requests.get(f"{sandbox.url}/mail/carl@kube.example/{mail['id']}/").status_code == 404
    assert requests.get(f"{sandbox.url}/mail/?address=carl@kube.example").url.endswith(
        "/mail/carl@kube.example/"
    )
    assert all("style=" not in page and "<script" not in page for page in pages)
