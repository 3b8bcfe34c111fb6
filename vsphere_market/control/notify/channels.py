"""Ways to people: webhooks and mail. Each sends one notice, or says why it could not."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from enum import StrEnum
from typing import Any, Protocol

import requests

from vsphere_market.control.notify.events import EventKind, Notice

#: No channel is waited for longer than this, seconds.
TIMEOUT_S = 15.0
#: What a chat shows at most.
_LONGEST = 3000


class Failed(Exception):
    """A notice could not be sent.

    Attributes:
        again: trying once more may help.
    """

    def __init__(self, what: str, *, again: bool) -> None:
        self.again = again
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel wants to hear, and how often.

    Attributes:
        name: of the channel, for logs.
        events: the kinds that it is told.
        per_hour: notices within any hour, at most.
    """

    name: str
    events: frozenset[EventKind]
    per_hour: int = 20


class Channel(Protocol):
    """A way to people."""

    @property
    def limits(self) -> Limits:
        """What it wants to hear."""

    def send(self, notice: Notice) -> None:
        """Send. Raises :class:`Failed`."""


class Style(StrEnum):
    """What a webhook is sent."""

    #: The notice as a JSON document.
    JSON = "json"
    #: ``{"text": …}``, as Slack, Mattermost and others take it.
    SLACK = "slack"


#: A secret is looked up when it is needed, so that a changed one needs no restart.
Secret = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Webhook:
    """POSTs to an URL.

    Attributes:
        limits: what it wants to hear.
        url: where to; a secret, since chat systems put their key into it.
        style: what to send.
        headers: further headers, whose values are secrets.
        ca_file: an authority to trust in place of the system's; "" for the system's.
    """

    limits: Limits
    url: Secret = field(repr=False)
    style: Style = Style.JSON
    headers: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    ca_file: str = ""

    def send(self, notice: Notice) -> None:
        """See :class:`Channel`."""
        headers = {name: value() for name, value in self.headers.items()}
        try:
            answer = requests.post(
                self.url(),
                json=self._body(notice),
                headers={"User-Agent": "vsphere-market", **headers},
                timeout=TIMEOUT_S,
                # Wherever it would be sent to was not configured.
                allow_redirects=False,
                verify=self.ca_file or True,
            )
        except requests.exceptions.SSLError:
            raise Failed("its certificate is not trusted", again=False) from None
        except requests.RequestException as exc:
            # Its text holds the URL, which may be a secret.
            raise Failed(f"does not answer ({type(exc).__name__})", again=True) from None
        if answer.status_code >= 300:
            again = answer.status_code >= 500 or answer.status_code in (408, 429)
            raise Failed(f"answered {answer.status_code}", again=again)

    def _body(self, notice: Notice) -> dict[str, Any]:
        if self.style is Style.JSON:
            return notice.document()
        text = notice.text
        # Only these three mean something to Slack.
        for bad, good in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(bad, good)
        return {"text": text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"}


class Tls(StrEnum):
    """How a mail server is spoken to."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends mail by SMTP.

    Attributes:
        limits: what it wants to hear.
        host: the server.
        port: its port.
        sender: From.
        to: To.
        tls: how to speak to it.
        user: login name; "" for none.
        password: its password.
        ca_file: an authority to trust in place of the system's; "" for the system's.
    """

    limits: Limits
    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: Tls = Tls.STARTTLS
    user: str = ""
    password: Secret = field(default=lambda: "", repr=False)
    ca_file: str = ""

    def send(self, notice: Notice) -> None:
        """See :class:`Channel`."""
        trust = ssl.create_default_context(cafile=self.ca_file or None)
        server: smtplib.SMTP | None = None
        try:
            if self.tls is Tls.TLS:
                server = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=trust)
            else:
                server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
                if self.tls is Tls.STARTTLS:
                    server.starttls(context=trust)
            if self.user:
                server.login(self.user, self.password())
            server.send_message(self._message(notice))
        except ssl.SSLError:
            raise Failed("its certificate is not trusted", again=False) from None
        except smtplib.SMTPAuthenticationError:
            raise Failed("it refuses the user or the password", again=False) from None
        except smtplib.SMTPNotSupportedError:
            raise Failed("it offers no STARTTLS, or no login", again=False) from None
        except smtplib.SMTPResponseException as exc:
            raise Failed(f"answered {exc.smtp_code}", again=exc.smtp_code < 500) from None
        except (OSError, smtplib.SMTPException) as exc:
            raise Failed(f"does not answer ({type(exc).__name__})", again=True) from None
        finally:
            if server is not None:
                server.close()

    def _message(self, notice: Notice) -> EmailMessage:
        from datetime import UTC, datetime

        message = EmailMessage()
        # Names come from vCenter; a line break in one must not become a header.
        title = " ".join(notice.event.title.split())
        message["Subject"] = f"[vsphere-market] {title}"[:200]
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Date"] = format_datetime(datetime.fromtimestamp(notice.event.at_s, UTC))
        message["Message-ID"] = make_msgid(domain="vsphere-market.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text + "\n")
        return message
