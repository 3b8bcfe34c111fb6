"""Tags over the wire: both dialects, both simulators, and every way in which they stay unread."""

from __future__ import annotations

import contextlib
import http.server
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.vcsim import StockVcsim
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import Credentials, Secret, Target, Timeouts, TlsMode
from vsphere_market.adapter.tags import RestDialect, TagReader, TagsUnread
from vsphere_market.adapter.tls import fetch_certificate
from vsphere_market.estate import TAGS_UNREAD
from vsphere_market.policy import PolicyProblems, compile_rulebook, parse_policies

TIMEOUTS = Timeouts(probe_s=5, request_s=5)


def reader(stock: StockVcsim, password: str = "") -> TagReader:
    target = Target(stock.host, stock.port, tls=TlsMode.INSECURE)
    secret = Secret(password or stock.password)
    return TagReader(target, Credentials(stock.username, secret), TIMEOUTS)


class Tagger:
    """Makes tags on stock vcsim, as an administrator would."""

    def __init__(self, stock: StockVcsim) -> None:
        self._root = f"https://{stock.host}:{stock.port}/rest/com/vmware/cis"
        self._http = requests.Session()
        self._http.verify = False
        self._http.trust_env = False
        login = self._http.post(f"{self._root}/session", auth=(stock.username, stock.password))
        self._http.headers["vmware-api-session-id"] = login.json()["value"]

    def __enter__(self) -> Tagger:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.close()

    def category(self, name: str) -> str:
        spec = {"name": name, "description": "", "cardinality": "MULTIPLE", "associable_types": []}
        return self._post("/tagging/category", {"create_spec": spec})

    def tag(self, category: str, name: str, *vms: str) -> str:
        spec = {"name": name, "description": "", "category_id": category}
        tag = self._post("/tagging/tag", {"create_spec": spec})
        for vm in vms:
            body = {"object_id": {"id": vm, "type": "VirtualMachine"}}
            self._post(f"/tagging/tag-association/id:{tag}?~action=attach", body)
        return tag

    def _post(self, path: str, body: dict[str, Any]) -> str:
        answer = self._http.post(self._root + path, json=body)
        answer.raise_for_status()
        return str(answer.json()["value"]) if answer.content else ""


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_stock_vcsims_tags_are_read_in_its_own_dialect() -> None:
    with StockVcsim.start("-vm", "3") as stock, connect(stock) as vcenter:
        vms = vcenter.observe().vms
        with Tagger(stock) as tagger:
            tier, stage = tagger.category("tier"), tagger.category("stage")
            tagger.tag(tier, "gold", vms.moid[0], vms.moid[1])
            tagger.tag(stage, "dev", vms.moid[1])
            tagger.tag(stage, "unused")
        seen = vcenter.observe()
    assert seen.vms.tags[:3] == (("tier:gold",), ("stage:dev", "tier:gold"), ())
    assert not any(line.startswith(TAGS_UNREAD) for line in seen.missing)


@pytest.mark.wire
def test_the_simulators_tags_come_out_as_they_went_in(start_simulator: StartSimulator) -> None:
    estate = document()
    estate["vms"][0]["tags"] = ["tier:gold", "owner:finance: EU"]
    with connect(start_simulator(estate)) as vcenter:
        tags = vcenter.observe().vms.tags
    assert tags[0] == ("owner:finance: EU", "tier:gold")


@pytest.mark.wire
def test_many_vms_are_asked_about_in_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    attached = RestDialect.attached

    def counted(self: RestDialect, vms: Any) -> Any:
        asked.append(len(vms))
        return attached(self, vms)

    monkeypatch.setattr(RestDialect, "attached", counted)
    with StockVcsim.start() as stock, contextlib.closing(reader(stock)) as tags:
        assert tags.tags([f"vm-{at}" for at in range(2500)]) == {}
    assert asked == [1000, 1000, 500]


@pytest.mark.wire
def test_a_login_that_ended_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    with StockVcsim.start() as stock, contextlib.closing(reader(stock)) as tags:
        tags.tags(["vm-1"])
        assert isinstance(tags._dialect, RestDialect)
        tags._dialect._http.headers["vmware-api-session-id"] = "gone"
        assert tags.tags(["vm-1"]) == {}


@pytest.mark.wire
def test_what_cannot_be_read_is_a_sentence_and_policies_by_tag_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> Any:
        raise TagsUnread("vCenter refuses (Unauthorized)")

    with StockVcsim.start() as stock, connect(stock) as vcenter:
        monkeypatch.setattr(TagReader, "tags", refuse)
        snapshot = vcenter.observe()
    (line,) = (line for line in snapshot.missing if line.startswith(TAGS_UNREAD))
    assert "vCenter refuses (Unauthorized)" in line
    policy = {"apiVersion": "vsphere-market/v1", "name": "x"}
    by_tag = {**policy, "kind": "exclusion", "selector": {"not": {"tag": "change:free"}}}
    with pytest.raises(PolicyProblems, match="tags of this vCenter could not be read"):
        compile_rulebook(parse_policies(by_tag, "x"), snapshot)
    by_name = {**policy, "kind": "exclusion", "selector": {"name": "*"}}
    compile_rulebook(parse_policies(by_name, "x"), snapshot)


@pytest.mark.wire
def test_trust_is_what_the_target_says_and_nothing_of_the_environment() -> None:
    with StockVcsim.start() as stock:
        plain = Target(stock.host, stock.port)
        shown = fetch_certificate(plain, 5.0)
        credentials = Credentials(stock.username, Secret(stock.password))
        pinned = Target(stock.host, stock.port, tls=TlsMode.PIN, pin_sha256=shown.sha256)
        with contextlib.closing(TagReader(pinned, credentials, TIMEOUTS)) as tags:
            assert tags.tags(["vm-1"]) == {}
        other = Target(stock.host, stock.port, tls=TlsMode.PIN, pin_sha256="0" * 64)
        for target, why in ((plain, "SSLError"), (other, "another certificate")):
            with pytest.raises(TagsUnread, match=why):
                TagReader(target, credentials, TIMEOUTS).tags(["vm-1"])


def test_nobody_there() -> None:
    target = Target("127.0.0.1", 9, tls=TlsMode.INSECURE, plain_http=True)
    with pytest.raises(TagsUnread, match="the connection failed"):
        TagReader(target, Credentials("user", Secret("pass")), TIMEOUTS).tags(["vm-1"])


# ---------------------------------------------------------------- the SDK's own dialect


def structure(name: str, /, **fields: Any) -> dict[str, Any]:
    return {"STRUCTURE": {name: fields}}


class Api(http.server.BaseHTTPRequestHandler):
    """A vCenter's JSON-RPC endpoint, as far as tags go."""

    protocol_version = "HTTP/1.1"
    errors: dict[str, str]
    seen: list[tuple[str, str, Any]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        params = asked["params"]
        service, operation = params["serviceId"], params["operationId"]
        given = params["input"]["STRUCTURE"]["operation-input"]
        self.seen.append((service, operation, given))
        if operation in self.errors:
            name = f"com.vmware.vapi.std.errors.{self.errors[operation]}"
            result = {"error": {"ERROR": {name: {"messages": [], "data": {"OPTIONAL": None}}}}}
        else:
            result = {"output": self.output(service.rpartition(".")[2], operation, given)}
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def output(self, service: str, operation: str, given: dict[str, Any]) -> Any:
        match service, operation:
            case "session", "create":
                return {"SECRET": "the-session"}
            case "session", "delete":
                return None
            case "tag_association", "list_attached_tags_on_objects":
                name = "com.vmware.cis.tagging.tag_association.object_to_tags"
                return [
                    structure(name, object_id=vm, tag_ids=["urn:gold"])
                    for vm in given["object_ids"]
                ]
            case "tag", "get":
                return structure(
                    "com.vmware.cis.tagging.tag_model",
                    id="urn:gold", category_id="urn:tier", name="gold", description="", used_by=[],
                )  # fmt: skip
            case "category", "get":
                return structure(
                    "com.vmware.cis.tagging.category_model",
                    id="urn:tier", name="tier", description="", cardinality="SINGLE",
                    associable_types=[], used_by=[],
                )  # fmt: skip
        raise AssertionError((service, operation))

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def api_server(**errors: str) -> Iterator[tuple[TagReader, list[tuple[str, str, Any]]]]:
    handler = type("Handler", (Api,), {"errors": errors, "seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_address[1]
        target = Target("127.0.0.1", int(port), tls=TlsMode.INSECURE, plain_http=True)
        tags = TagReader(target, Credentials("user", Secret("s3cret-word")), TIMEOUTS)
        try:
            yield tags, handler.seen  # type: ignore[attr-defined]
        finally:
            tags.close()
            server.shutdown()
            thread.join()


def test_a_vcenters_tags_are_read_by_the_sdk(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with api_server() as (tags, seen):
        assert tags.tags(["vm-1", "vm-2"]) == {"vm-1": ("tier:gold",), "vm-2": ("tier:gold",)}
        tags.tags(["vm-1"])
    operations = [operation for _, operation, _ in seen]
    # Names are asked for once, VMs each time, and the session is ended.
    assert operations == [
        "create", "list_attached_tags_on_objects", "get", "get",
        "list_attached_tags_on_objects", "delete",
    ]  # fmt: skip
    assert "s3cret-word" not in caplog.text


def test_a_refusal_by_the_sdk_is_told() -> None:
    refused = {"list_attached_tags_on_objects": "unauthorized"}
    with (
        api_server(**refused) as (tags, _),
        pytest.raises(TagsUnread, match=r"vCenter refuses \(Unauthorized\)"),
    ):
        tags.tags(["vm-1"])


def test_a_login_that_never_lasts_is_told() -> None:
    refused = {"list_attached_tags_on_objects": "unauthenticated"}
    with (
        api_server(**refused) as (tags, seen),
        pytest.raises(TagsUnread, match="lets nobody in, or not for long"),
    ):
        tags.tags(["vm-1"])
    assert [operation for _, operation, _ in seen].count("create") == 2
