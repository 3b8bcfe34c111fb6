"""Notices go out over real servers, within their limits, and never hold up the loop."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.mail_server import CERTIFICATES, free_port, mail_server
from tests.roads import hot_plant, road
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.control.notify import (
    Event,
    EventKind,
    Failed,
    Notice,
    NotifyingListener,
    Outbox,
    read_settings,
)
from vsphere_market.control.notify.channels import Limits, Mail, Tls, Webhook
from vsphere_market.control.stop import StopSwitch
from vsphere_market.errors import InputError, UnreachableError
from vsphere_market.journal import Halt

ALL = frozenset(EventKind)
AUTHORITY = str(CERTIFICATES / "authority.pem")


@dataclass
class Hook:
    """What a web server was sent, and what it answers: codes used up one by one, then 200."""

    port: int = 0
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    come: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret"

    def wait(self, count: int) -> None:
        with self.come:
            assert self.come.wait_for(lambda: len(self.bodies) >= count, timeout=30)


@contextlib.contextmanager
def hook() -> Iterator[Hook]:
    kept = Hook()
    kept.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.hold.wait(30)
            with kept.come:
                kept.bodies.append(body)
                kept.headers.append(dict(self.headers))
                kept.come.notify_all()
            code = kept.answers.pop(0) if kept.answers else 200
            self.send_response(code)
            if code == 302:
                self.send_header("Location", kept.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        kept.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def event(number: int = 1, kind: EventKind = EventKind.FAILED) -> Event:
    return Event(
        kind, 1.7e9, "vc.test", f"{number} steps not done on vc.test", ("failed: <b>web</b> & db",)
    )


def webhook(kept: Hook, *, per_hour: int = 20, **more: Any) -> Webhook:
    return Webhook(Limits("hook", ALL, per_hour), lambda: kept.url, **more)


def mail(port: int, **more: Any) -> Mail:
    return Mail(
        Limits("mail", ALL), "localhost", port, "market@test.invalid", ("ops@test.invalid",), **more
    )


# ---------------------------------------------------------------- channels


def test_a_webhook_is_sent_the_notice_as_json() -> None:
    with hook() as kept:
        webhook(kept, headers={"Authorization": lambda: "Bearer t0ken"}).send(Notice(event(), 3))
    (body,) = kept.bodies
    assert body["format"] == "vsphere-market/notice/1"
    assert (body["event"], body["source"], body["left_out"]) == ("failed", "vc.test", 3)
    assert body["at"] == "2023-11-14T22:13:20Z"
    assert kept.headers[0]["Authorization"] == "Bearer t0ken"


def test_slack_is_sent_text_that_nothing_in_it_can_break() -> None:
    from vsphere_market.control.notify.channels import Style

    with hook() as kept:
        webhook(kept, style=Style.SLACK).send(Notice(event(), 1))
    (body,) = kept.bodies
    assert set(body) == {"text"}
    assert "1 steps not done on vc.test\nfailed: &lt;b&gt;web&lt;/b&gt; &amp; db" in body["text"]
    assert "1 more were left out" in body["text"]


@pytest.mark.parametrize(
    ("code", "again"), [(500, True), (429, True), (403, False), (302, False), (404, False)]
)
def test_what_a_web_server_answers_decides_whether_to_try_again(code: int, again: bool) -> None:
    with hook() as kept:
        kept.answers = [code]
        with pytest.raises(Failed, match=f"answered {code}") as caught:
            webhook(kept).send(Notice(event()))
        assert caught.value.again is again
        assert len(kept.bodies) == 1, "redirections are not followed"


def test_a_web_server_that_is_not_there_keeps_the_secret_in_its_url() -> None:
    gone = Webhook(Limits("x", ALL), lambda: f"http://127.0.0.1:{free_port()}/s3cret")
    with pytest.raises(Failed, match="does not answer") as caught:
        gone.send(Notice(event()))
    assert caught.value.again and "s3cret" not in str(caught.value) + repr(gone)


def test_mail_arrives() -> None:
    with mail_server() as kept:
        mail(kept.port, tls=Tls.NONE).send(Notice(event(), 2))
    (got,) = kept.mails
    assert got["Subject"] == "[vsphere-market] 1 steps not done on vc.test"
    assert (got["From"], got["To"]) == ("market@test.invalid", "ops@test.invalid")
    assert got["Auto-Submitted"] == "auto-generated" and got["Date"] and got["Message-ID"]
    text = got.get_payload()
    assert "failed: <b>web</b> & db" in str(text) and "2 more were left out" in str(text)


def test_mail_goes_over_tls_with_a_password() -> None:
    with mail_server("signed", "market:s3cret") as kept:
        secure = mail(kept.port, user="market", password=lambda: "s3cret", ca_file=AUTHORITY)
        secure.send(Notice(event()))
        assert kept.encrypted == [True] and kept.logins == ["market:s3cret"]
        wrong = mail(kept.port, user="market", password=lambda: "wr0ng", ca_file=AUTHORITY)
        with pytest.raises(Failed, match="refuses the user or the password") as caught:
            wrong.send(Notice(event()))
        assert not caught.value.again and "wr0ng" not in str(caught.value) + repr(wrong)


def test_a_mail_server_that_is_not_trusted_gets_neither_password_nor_mail() -> None:
    with mail_server("self-signed", "market:s3cret") as kept:
        distrusting = mail(kept.port, user="market", password=lambda: "s3cret", ca_file=AUTHORITY)
        with pytest.raises(Failed, match="certificate is not trusted"):
            distrusting.send(Notice(event()))
        assert kept.logins == [] and kept.mails == []


def test_a_mail_server_without_tls_is_not_spoken_to_openly() -> None:
    with mail_server() as kept:
        with pytest.raises(Failed, match="no STARTTLS"):
            mail(kept.port).send(Notice(event()))
        assert kept.mails == []


def test_a_line_break_in_a_name_makes_no_header() -> None:
    with mail_server() as kept:
        bad = Event(EventKind.FAILED, 1.7e9, "vc", "lost\r\nBcc: everybody@test.invalid")
        mail(kept.port, tls=Tls.NONE).send(Notice(bad))
    assert kept.mails[0]["Bcc"] is None
    assert kept.mails[0]["Subject"] == "[vsphere-market] lost Bcc: everybody@test.invalid"


@pytest.mark.parametrize(("code", "again"), [(451, True), (554, False)])
def test_what_a_mail_server_answers_decides_whether_to_try_again(code: int, again: bool) -> None:
    with mail_server() as kept:
        kept.answers = [code]
        with pytest.raises(Failed, match=f"answered {code}") as caught:
            mail(kept.port, tls=Tls.NONE).send(Notice(event()))
        assert caught.value.again is again


# ---------------------------------------------------------------- the outbox


def test_what_fails_is_tried_again() -> None:
    with hook() as kept:
        kept.answers = [500, 503]
        box = Outbox([webhook(kept)], pauses_s=(0.01, 0.01))
        box.tell(event())
        kept.wait(3)
        box.close()
    assert len(kept.bodies) == 3


def test_a_channel_that_hangs_holds_up_nobody() -> None:
    with hook() as slow, hook() as quick:
        slow.hold.clear()
        box = Outbox([webhook(slow), webhook(quick)])
        begun = time.monotonic()
        for number in range(500):
            box.tell(event(number))
        told = time.monotonic() - begun
        quick.wait(1)
        assert slow.bodies == []
        box.close(wait_s=0.2)
        assert told < 10, "telling does not wait for sending"


def test_beyond_the_limit_notices_are_counted_not_sent() -> None:
    clock = [0.0]
    with hook() as kept:
        box = Outbox([webhook(kept, per_hour=3)], now_s=lambda: clock[0])
        for number in range(10):
            box.tell(event(number))
        kept.wait(3)
        box.close()
        assert len(kept.bodies) == 3
        box = Outbox([webhook(kept, per_hour=1)], now_s=lambda: clock[0])
        for number in range(5):
            box.tell(event(number))
        kept.wait(4)
        while box._lines[0]._left_out < 4:
            time.sleep(0.01)
        clock[0] = 3600.0
        box.tell(event(99))
        kept.wait(5)
        box.close()
    assert kept.bodies[-1]["left_out"] == 4


def test_a_channel_hears_only_what_it_wants() -> None:
    with hook() as kept:
        wanting = Webhook(Limits("x", frozenset({EventKind.STOP})), lambda: kept.url)
        box = Outbox([wanting])
        box.tell(event(kind=EventKind.DONE))
        box.tell(event(kind=EventKind.STOP))
        box.close()
    assert [body["event"] for body in kept.bodies] == ["stop"]


class Broken:
    """A channel with a defect."""

    limits = Limits("broken", ALL)

    def send(self, notice: Notice) -> None:
        raise RuntimeError(str(notice.left_out))


def test_a_defect_in_a_channel_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    box = Outbox([Broken()])
    box.tell(event())
    box.tell(event())
    box.close()
    assert caplog.text.count("notice to broken was not sent") == 2


# ---------------------------------------------------------------- the loop


def test_people_are_told_what_the_loop_does(tmp_path: Path) -> None:
    plant = hot_plant()
    with hook() as kept:
        box = Outbox([webhook(kept, per_hour=100)])
        with road(tmp_path, plant) as way:
            teller = NotifyingListener(box, "small", plant.clock)
            teller.started("")
            run_loop(way, Beat(1), teller)
            teller.trouble(2, UnreachableError("is gone", where="vc"))
            teller.missed(2)
            teller.ended("its turns are done")
        box.close()
    titles = [body["title"] for body in kept.bodies]
    assert titles[0] == "The loop on small has begun."
    assert "done on small" in titles[1] and kept.bodies[1]["data"]["outcomes"]
    assert titles[2] == "Turn 2 on small could not be done: vc: is gone."
    assert "2 turns on small left out" in titles[3]


def test_pulling_and_releasing_the_switch_is_told_once(tmp_path: Path) -> None:
    plant = hot_plant()
    with hook() as kept:
        box = Outbox([webhook(kept, per_hour=100)])
        with road(tmp_path, plant) as way:
            teller = NotifyingListener(box, "small", plant.clock)
            way.journal.stop(Halt("alice", 1.0, "storage"))
            stopped = road(tmp_path, plant, switch=StopSwitch(way.journal))
            with stopped as held:
                run_loop(held, Beat(2, 60.0), teller)
            way.journal.resume("bob", 2.0)
            with road(tmp_path, plant, switch=StopSwitch(way.journal)) as free:
                run_loop(free, Beat(1), teller)
        box.close()
    stops = [body["title"] for body in kept.bodies if body["event"] == "stop"]
    assert stops == [
        "small: stopped by alice (storage)",
        "small: things go on; nobody says stop any more",
    ]


def test_a_dead_channel_is_no_trouble_to_the_loop(tmp_path: Path) -> None:
    plant = hot_plant()
    gone = Webhook(Limits("x", ALL), lambda: f"http://127.0.0.1:{free_port()}/")
    box = Outbox([gone])
    with road(tmp_path, plant) as way:
        end = run_loop(way, Beat(2, 60.0), NotifyingListener(box, "small", plant.clock))
    box.close(wait_s=1.0)
    assert (end.turns, end.failures) == (2, 0)


# ---------------------------------------------------------------- settings


GOOD: dict[str, Any] = {
    "format": "vsphere-market/notify/1",
    "channels": [
        {
            "kind": "webhook",
            "name": "chat",
            "url": {"env": "CHAT_URL"},
            "style": "slack",
            "events": ["failed", "stop"],
            "perHour": 5,
        },
        {
            "kind": "smtp",
            "host": "mail.test.invalid",
            "user": "market",
            "password": {"file": "password"},
            "from": "market@test.invalid",
            "to": ["ops@test.invalid"],
        },
    ],
}
ENVIRONMENT = {"CHAT_URL": "https://chat.test.invalid/s3cret", "EMPTY": "", "BAD": "ftp://x"}


def written(folder: Path, document: Any) -> Path:
    (folder / "password").write_text("s3cret\n")
    path = folder / "notify.json"
    path.write_text(json.dumps(document))
    return path


def test_channels_come_from_a_file_and_secrets_do_not(tmp_path: Path) -> None:
    chat, post = read_settings(written(tmp_path, GOOD), ENVIRONMENT)
    assert isinstance(chat, Webhook) and isinstance(post, Mail)
    assert chat.url() == ENVIRONMENT["CHAT_URL"] and post.password() == "s3cret"
    assert chat.limits == Limits("chat", frozenset({EventKind.FAILED, EventKind.STOP}), 5)
    assert (post.port, post.tls, post.limits.name) == (587, Tls.STARTTLS, "smtp")
    assert EventKind.RECOMMENDED not in post.limits.events, "usually too much"
    assert "s3cret" not in repr(chat) + repr(post)
    (tmp_path / "password").write_text("an0ther")
    assert post.password() == "an0ther", "a changed secret needs no restart"


def changed(channel: int, **more: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    document["channels"][channel].update(more)
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"channels": []}, "holds no channels"),
        ({"format": "vsphere-market/notify/1", "channels": []}, "names no channel"),
        ({"format": "vsphere-market/notify/1", "channels": ["x"]}, "is no JSON object"),
        (changed(0, kind="pigeon"), "'pigeon' is no kind of channel"),
        (changed(0, colour="red"), "/colour: is not known here"),
        (changed(0, url={"env": "EMPTY"}), "the variable EMPTY is empty"),
        (changed(0, url={"env": "BAD"}), "is no https:// address"),
        (changed(0, url="http://chat.test.invalid/x"), "is no https:// address"),
        (changed(0, style="fancy"), "'fancy' is not known"),
        (changed(0, events=["bad-luck"]), "names what is no event"),
        (changed(0, perHour=0), "no whole number"),
        (changed(0, headers={"Authorization": "Bearer s3cret"}), "must not stand in this file"),
        (changed(0, headers=[]), "/headers: is no JSON object"),
        (changed(0, caFile="nowhere.pem"), "there is no file"),
        (changed(1, password="s3cret"), "must not stand in this file"),
        (changed(1, password={"file": "nowhere"}), "cannot be read"),
        (changed(1, password={"vault": "x"}), "is missing"),
        (changed(1, host=""), "/host: is missing"),
        (changed(1, to="ops@test.invalid"), "is no list of mail addresses"),
        (changed(1, to=["ops@x\r\nBcc: y@z"]), "is no list of mail addresses"),
        (changed(1, **{"from": "nobody"}), "/from: is no mail address"),
        (changed(1, tls="none"), "would send the password unprotected"),
        (changed(1, port="many"), "no whole number"),
    ],
)
def test_what_is_wrong_with_a_file_of_channels(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_settings(written(tmp_path, document), ENVIRONMENT)
    assert "s3cret" not in str(caught.value)


def test_a_file_of_channels_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "nowhere.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        read_settings(tmp_path / "bad.json")
