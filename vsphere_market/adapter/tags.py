"""vSphere tags: behind another interface than everything else, and spoken in two dialects.

``api`` is the Automation SDK's own (JSON-RPC below ``/api``), which every vCenter since 6.5 speaks.
``rest`` is the older REST below ``/rest``, which old vCenters speak too, and vcsim alone. Which it
is shows at the first question: who does not know the one answers it with nothing or with an error.

Whatever goes wrong here ends in :class:`TagsUnread`. An estate can be read without tags; policies
that ask for them are then refused (``policy.law``), since an exclusion by tag must never be none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests
import urllib3
from requests.adapters import HTTPAdapter

from vsphere_market.adapter.credentials import Credentials
from vsphere_market.adapter.session import Timeouts
from vsphere_market.adapter.target import Target, TlsMode
from vsphere_market.adapter.tls import context_for
from vsphere_market.errors import MarketError

log = logging.getLogger(__name__)

#: VMs asked about at once; vCenter takes up to 2,000.
BATCH = 1000
#: Names of tags and categories are asked for again after this time.
NAMES_LIFE_S = 600.0
_VM = "VirtualMachine"
_CLUSTER = "ClusterComputeResource"
#: HTTP answers of a server that does not have the interface: not found, no such method, and so on.
_NOT_THERE = (400, 404, 405, 501)


class TagsUnread(Exception):
    """Tags could not be read; the text says why, as the end of a sentence."""


class WrongDialect(Exception):
    """The server does not know this dialect. Never leaves this module."""


class LoggedOut(Exception):
    """The server has forgotten the login. Never leaves this module."""


class Dialect(Protocol):
    """The few questions about tags, in one dialect. Logs in when it is made."""

    def attached(self, vms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Ids of the tags that each VM bears; VMs without tags may be missing."""

    def tag(self, tag: str) -> tuple[str, str]:
        """A tag's name and the id of its category."""

    def category(self, category: str) -> str:
        """A category's name."""

    def close(self) -> None:
        """Log out. Raises nothing."""


@dataclass(slots=True)
class _Names:
    """Names that were asked for, for as long as they are taken to be true."""

    tags: dict[str, tuple[str, str]] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    asked_s: float = 0.0


class TagReader:
    """Reads the tags of VMs and clusters. Connects at the first question.

    Args:
        target: where, and how far to trust it.
        credentials: who logs in.
        timeouts: how long to wait for answers.
    """

    def __init__(
        self, target: Target, credentials: Credentials, timeouts: Timeouts | None = None
    ) -> None:
        self._target = target
        self._credentials = credentials
        self._timeouts = timeouts or Timeouts()
        self._http: requests.Session | None = None
        self._dialect: Dialect | None = None
        self._names = _Names()

    def tags(self, vms: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Tags as ``category:tag``, sorted, of those VMs or clusters (by id) that bear any.

        Raises:
            TagsUnread: vCenter does not let them be read.
        """
        try:
            try:
                return self._read(vms)
            except LoggedOut:
                self._hang_up()
                return self._read(vms)
        except TagsUnread:
            self._hang_up()
            raise
        except LoggedOut:
            self._hang_up()
            raise TagsUnread("it lets nobody in, or not for long") from None
        except requests.RequestException as exc:
            self._hang_up()
            raise TagsUnread(f"the connection failed ({type(exc).__name__})") from None
        except MarketError as exc:
            raise TagsUnread(exc.what) from None

    def close(self) -> None:
        """Log out."""
        if self._dialect is not None:
            self._dialect.close()
        self._hang_up()

    def _hang_up(self) -> None:
        self._dialect = None
        if self._http is not None:
            self._http.close()
            self._http = None

    def _read(self, vms: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        attached: dict[str, Sequence[str]] = {}
        for start in range(0, len(vms), BATCH):
            attached.update(self._attached(vms[start : start + BATCH]))
        names = self._names_of({tag for tags in attached.values() for tag in tags})
        return {
            vm: tuple(sorted(names[tag] for tag in tags if tag in names))
            for vm, tags in attached.items()
            if tags
        }

    def _attached(self, vms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Ask in the dialect that is known to be spoken, or find out which it is."""
        if self._dialect is not None:
            return self._dialect.attached(vms)
        root = root_of(self._target)
        for kind in (ApiDialect, RestDialect):
            self._hang_up()
            self._http = wire(self._target, self._timeouts)
            dialect: Dialect | None = None
            try:
                dialect = kind(self._http, root, self._credentials)
                found = dialect.attached(vms)
            except WrongDialect as exc:
                log.debug("tags are not spoken as %s: %s", kind.__name__, exc)
                if dialect is not None:
                    dialect.close()
                continue
            self._dialect = dialect
            return found
        raise TagsUnread("it has no tagging interface that this program knows")

    def _names_of(self, tags: Iterable[str]) -> Mapping[str, str]:
        dialect, names = self._dialect, self._names
        if time.monotonic() - names.asked_s > NAMES_LIFE_S:
            names = self._names = _Names(asked_s=time.monotonic())
        known: dict[str, str] = {}
        for tag in sorted(tags):
            assert dialect is not None
            if tag not in names.tags:
                names.tags[tag] = dialect.tag(tag)
            name, category = names.tags[tag]
            if category not in names.categories:
                names.categories[category] = dialect.category(category)
            known[tag] = f"{names.categories[category]}:{name}"
        return known


def _type_of(moid: str) -> str:
    """What an id is of: vCenter's ids begin with their type."""
    return _CLUSTER if moid.startswith("domain-c") else _VM


class ApiDialect:
    """The Automation SDK, by JSON-RPC."""

    def __init__(self, http: requests.Session, root: str, credentials: Credentials) -> None:
        from vsphere_market.adapter import automation

        self._sdk: Any = automation
        url = f"{root}/api"
        user, password = credentials.user, credentials.password.reveal()
        opening = automation.by_password(http, url, user, password)
        self._services = automation.Services(http, url, self._asked(opening.create))

    def attached(self, vms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """See :class:`Dialect`."""
        ids = [self._sdk.object_id(_type_of(vm), vm) for vm in vms]
        found = self._asked(self._services.association.list_attached_tags_on_objects, ids)
        return {str(one.object_id.id): [str(tag) for tag in one.tag_ids] for one in found}

    def tag(self, tag: str) -> tuple[str, str]:
        """See :class:`Dialect`."""
        found = self._asked(self._services.tag.get, tag)
        return str(found.name), str(found.category_id)

    def category(self, category: str) -> str:
        """See :class:`Dialect`."""
        return str(self._asked(self._services.category.get, category).name)

    def close(self) -> None:
        """See :class:`Dialect`."""
        try:
            self._asked(self._services.session.delete)
        except (WrongDialect, LoggedOut, TagsUnread, requests.RequestException) as exc:
            log.debug("no logout from the tagging interface: %s", exc)

    def _asked(self, ask: Any, *arguments: Any) -> Any:
        """Ask, and turn the SDK's ways to fail into ours."""
        try:
            return ask(*arguments)
        except self._sdk.Unauthenticated:
            raise LoggedOut from None
        except self._sdk.Error as exc:
            raise TagsUnread(f"vCenter refuses ({type(exc).__name__})") from None
        except requests.HTTPError as exc:
            status = exc.response.status_code
            if status in _NOT_THERE:
                raise WrongDialect(str(status)) from None
            raise TagsUnread(f"vCenter answers HTTP {status}") from None
        except self._sdk.GARBLED as exc:
            # vcsim answers questions that it does not know with nothing at all.
            raise WrongDialect(type(exc).__name__) from None


class RestDialect:
    """The REST interface of vCenter 6.5 to 7.0, and of vcsim."""

    def __init__(self, http: requests.Session, root: str, credentials: Credentials) -> None:
        self._http = http
        self._root = f"{root}/rest/com/vmware/cis"
        login = (credentials.user.encode(), credentials.password.reveal().encode())
        self._http.headers["vmware-api-session-id"] = str(
            self._asked("POST", "/session", auth=login)
        )

    def attached(self, vms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """See :class:`Dialect`."""
        path = "/tagging/tag-association?~action=list-attached-tags-on-objects"
        body = {"object_ids": [{"id": vm, "type": _type_of(vm)} for vm in vms]}
        found = self._asked("POST", path, json=body) or ()
        return {str(one["object_id"]["id"]): one.get("tag_ids") or () for one in found}

    def tag(self, tag: str) -> tuple[str, str]:
        """See :class:`Dialect`."""
        found = self._asked("GET", f"/tagging/tag/id:{tag}")
        return str(found["name"]), str(found["category_id"])

    def category(self, category: str) -> str:
        """See :class:`Dialect`."""
        return str(self._asked("GET", f"/tagging/category/id:{category}")["name"])

    def close(self) -> None:
        """See :class:`Dialect`."""
        try:
            self._asked("DELETE", "/session")
        except (WrongDialect, LoggedOut, TagsUnread, requests.RequestException) as exc:
            log.debug("no logout from the tagging interface: %s", exc)

    def _asked(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._http.request(method, self._root + path, **arguments)
        if answer.status_code == requests.codes.unauthorized:
            raise LoggedOut
        if answer.status_code in _NOT_THERE and "/id:" not in path:
            raise WrongDialect(str(answer.status_code))
        if not answer.ok:
            raise TagsUnread(f"vCenter answers HTTP {answer.status_code}")
        if not answer.content:
            return None
        try:
            found = answer.json()
        except ValueError:
            raise WrongDialect("no JSON") from None
        return found.get("value") if isinstance(found, dict) else found


def root_of(target: Target) -> str:
    """The address that paths are appended to."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{'http' if target.plain_http else 'https'}://{host}:{target.port}"


def wire(target: Target, timeouts: Timeouts) -> requests.Session:
    """A session that trusts exactly what ``target`` says, and never waits for ever.

    Raises:
        CertificateError, UsageError, UnreachableError: from reading the certificate that is pinned.
    """
    # The SDK logs whole requests for those who debug it, logins among them.
    logging.getLogger("vmware").setLevel(logging.WARNING)
    if target.tls is TlsMode.INSECURE:
        # It was asked for by name, and `doctor` says what it means; once per request is too often.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return _Wire(_Trusting(target, timeouts), timeouts)


class _Trusting(HTTPAdapter):
    """Connections by our own TLS context. requests would add its authorities to any context."""

    def __init__(self, target: Target, timeouts: Timeouts) -> None:
        self._context = context_for(target, timeouts.probe_s)
        self._by_name = target.tls in (TlsMode.SYSTEM, TlsMode.CA_FILE)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        """Called by HTTPAdapter when it is made."""
        if self._context is not None:
            settings["ssl_context"] = self._context
            if not self._by_name:
                # A pin says who it is whatever its name; without verification nobody asks.
                settings["assert_hostname"] = False
        super().init_poolmanager(*arguments, **settings)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        """Called for each request: where to, and nothing about trust, which is settled."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Called for each request; the context is set up already."""


class _Wire(requests.Session):
    """A session with one adapter, which nobody can exchange, and with time-outs."""

    def __init__(self, adapter: HTTPAdapter, timeouts: Timeouts) -> None:
        super().__init__()
        self._adapter = adapter
        self._timeout = (timeouts.probe_s, timeouts.request_s)
        # Neither proxies, nor .netrc, nor authorities of the environment.
        self.trust_env = False

    def get_adapter(self, url: str | bytes) -> HTTPAdapter:
        """The one adapter; the SDK mounts its own, which trusts otherwise."""
        return self._adapter

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()
        super().close()

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send with a time-out, and follow nobody elsewhere: a password goes along."""
        settings["timeout"] = self._timeout
        settings["allow_redirects"] = False
        return super().send(request, **settings)
