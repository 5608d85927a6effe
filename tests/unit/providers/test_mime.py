"""Is the mail that leaves us well formed, whatever a merchant wrote?"""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from providers.email.mime import From, build
from providers.testing import NOW

DELIVERY = UUID("01920000-0000-7000-8000-000000000001")
SENDER = From("shop@example.com", "The Shop")


def built(*, to: str = "jane@example.com", sender: From = SENDER, **content: str) -> EmailMessage:
    raw = build(delivery_id=DELIVERY, to=to, sender=sender, content={"subject": "Hello", **content}, now=NOW)
    parsed = message_from_bytes(raw, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def test_a_mail_names_both_ends_its_time_and_its_delivery() -> None:
    mail = built(text="Hi")
    assert mail["From"] == "The Shop <shop@example.com>"
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"] == "Hello"
    assert mail["Date"] == "Wed, 02 Jan 2030 03:04:05 +0000"
    assert mail["Message-ID"] == f"<{DELIVERY}@example.com>"
    assert mail["X-Delivery-Id"] == str(DELIVERY)
    assert mail["Reply-To"] is None


def test_html_and_text_become_two_alternatives_with_html_last() -> None:
    mail = built(text="Hi Zoë", html="<p>Hi Zoë</p>")
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in mail.iter_parts()] == ["Hi Zoë", "<p>Hi Zoë</p>"]


@pytest.mark.parametrize(("content", "kind"), [({"text": "x"}, "text/plain"), ({"html": "<p>x"}, "text/html")])
def test_one_body_alone_needs_no_alternatives(content: dict[str, str], kind: str) -> None:
    assert built(**content).get_content_type() == kind


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85", "\x0b"])
def test_nothing_a_merchant_writes_adds_a_header(breaker: str) -> None:
    evil = f"Hi{breaker}Bcc: victim@example.com{breaker}{breaker}body"
    mail = built(subject=evil, text="x", sender=From("shop@example.com", evil, "help@example.com"))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hi Bcc: victim@example.com body"
    assert set(mail.keys()) == {
        *("Subject", "From", "To", "Reply-To", "Date", "Message-ID", "X-Delivery-Id"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }


def test_words_in_any_script_survive_in_pure_ascii_bytes() -> None:
    subject = "طلبك رقم ٤٢ في الطريق إليك، شكراً لتسوقك معنا في متجرنا الجديد 🎉"
    raw = build(
        delivery_id=DELIVERY,
        to="jane@example.com",
        sender=From("shop@example.com", "متجر, Ltd."),
        content={"subject": subject, "text": "ü" * 2_000, "html": "<p>" + "ü" * 2_000},
        now=NOW,
    )
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    mail = message_from_bytes(raw, policy=default)
    assert mail["Subject"] == subject
    assert mail["From"].addresses[0].display_name == "متجر, Ltd."


def test_a_local_part_beyond_ascii_is_written_as_it_is() -> None:
    assert built(to="zoë@example.com", text="x")["To"] == "zoë@example.com"


@pytest.mark.parametrize("markup", ["<p>Hi</p>", "<html><BODY class='x'><p>Hi</p></body></html>"])
def test_the_preheader_is_the_first_thing_in_the_body_and_hidden(markup: str) -> None:
    html = built(html=markup, preheader="5 < 6 & more").get_content()
    hidden = '<div style="display:none;max-height:0;overflow:hidden">5 &lt; 6 &amp; more</div>'
    assert html.index(hidden) < html.index("<p>Hi")
    assert html.lower().find("<body") <= html.index(hidden)


def test_a_header_that_must_stay_in_one_piece_does() -> None:
    url = f"<https://t.example.com/{'x' * 400}>"
    raw = build(
        delivery_id=DELIVERY,
        to="jane@example.com",
        sender=SENDER,
        content={"subject": "Hello", "text": "x"},
        now=NOW,
        extra={"List-Unsubscribe": url},
    )
    assert f"List-Unsubscribe: {url}\r\n".encode() in raw
    assert message_from_bytes(raw, policy=default)["List-Unsubscribe"] == url
