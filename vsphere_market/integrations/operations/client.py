"""The part of ``suite-api`` that we speak: tokens, resources, statistics in and out.

Sources: the bindings of vcf-operations 9.1 (paths and names of fields), and the REST reference of
vRealize Operations 8 (the older word before a token).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from vsphere_market.adapter.session import Timeouts
from vsphere_market.adapter.tags import root_of, wire
from vsphere_market.adapter.target import Target, target_from
from vsphere_market.errors import NotPermittedError, UnreachableError, UsageError
from vsphere_market.secret import KEYRING_SERVICE, Secret, find_secret, keyring_password

log = logging.getLogger(__name__)

#: Resources per page, and resources per request for statistics.
PAGE, BATCH = 1000, 500
#: What stands before a token: 9.x, and every release before.
_SCHEMES = ("OpsToken", "vRealizeOpsToken")
#: Operations' names for vSphere's kinds of object.
KINDS = ("VirtualMachine", "HostSystem", "ClusterComputeResource")


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in to Operations, and where.

    Attributes:
        target: address, user, and how its certificate is judged.
        password: of the user.
        auth_source: Operations' name of the source of users; "" for local users.
    """

    target: Target
    password: Secret = field(repr=False)
    auth_source: str = ""


def login_from(
    address: str,
    *,
    user: str = "",
    auth_source: str = "",
    environ: Mapping[str, str] = os.environ,
    keyring: Callable[[str, str], str | None] = keyring_password,
) -> Login:
    """Work out the login from options and the environment.

    Certificates are judged as for a vCenter, by variables of their own: OPERATIONS_CA_CERTS (a
    file), OPERATIONS_PIN (a SHA-256 fingerprint), OPERATIONS_INSECURE.

    Args:
        address: HOST or HOST:PORT; "" to take OPERATIONS_URL.
        user: "" to take OPERATIONS_USERNAME.
        auth_source: "" to take OPERATIONS_AUTH_SOURCE.
        environ: the process environment.
        keyring: looks a password up by service and account.

    Raises:
        UsageError: nothing says where or who.
        NotPermittedError: no password was found.
    """
    renamed = {
        "GOVC_URL": environ.get("OPERATIONS_URL", ""),
        "GOVC_USERNAME": environ.get("OPERATIONS_USERNAME", ""),
        "GOVC_INSECURE": environ.get("OPERATIONS_INSECURE", ""),
        "GOVC_TLS_CA_CERTS": environ.get("OPERATIONS_CA_CERTS", ""),
    }
    if not address and not renamed["GOVC_URL"]:
        raise UsageError("no Operations was named", cure="give its address, or set OPERATIONS_URL")
    pin = environ.get("OPERATIONS_PIN", "")
    target = target_from(address, user=user, pin=pin, environ=renamed)
    if not target.user:
        raise UsageError(
            f"no user was named for {target.address}",
            cure="give --user, or set OPERATIONS_USERNAME",
        )
    account = f"{target.user}@{target.host}"
    password = target.url_password or find_secret(
        "OPERATIONS_PASSWORD", account=account, environ=environ, keyring=keyring
    )
    if password is None:
        raise NotPermittedError(
            f"no password was found for {target.user}",
            where=target.address,
            cure=f"set OPERATIONS_PASSWORD, or run: keyring set {KEYRING_SERVICE} {account}",
        )
    return Login(target, password, auth_source or environ.get("OPERATIONS_AUTH_SOURCE", ""))


class Operations:
    """One Operations. Logs in when first asked, and again when its token has run out.

    Args:
        login: who and where.
        timeouts: how long to wait.

    All methods raise ``UnreachableError`` when it does not answer as Operations does, and
    ``NotPermittedError`` when it refuses the login or a request.
    """

    def __init__(self, login: Login, timeouts: Timeouts | None = None) -> None:
        self._login = login
        self._http = wire(login.target, timeouts or Timeouts())
        self._root = f"{root_of(login.target)}/suite-api/api"
        self._token: Secret | None = None
        self._scheme = _SCHEMES[0]

    def close(self) -> None:
        """Close the connections; the token ends by itself."""
        self._http.close()

    def resources(self, kind: str, vcenter: str = "") -> dict[str, str]:
        """Managed object id -> Operations' id of every resource of one vSphere kind.

        Args:
            kind: one of :data:`KINDS`.
            vcenter: instance UUID; only objects of that vCenter, "" for any.
        """
        found: dict[str, str] = {}
        for resource in self._pages("/resources", {"adapterKind": "VMWARE", "resourceKind": kind}):
            names = _identifiers(resource)
            moid, here = names.get("VMEntityObjectID"), names.get("VMEntityVCID", "")
            if moid and (not vcenter or not here or here.lower() == vcenter.lower()):
                found[moid] = str(resource.get("identifier", ""))
        return found

    def add_statistics(self, contents: Sequence[Mapping[str, Any]]) -> None:
        """Store statistics: ``id`` and ``stat-contents`` of each resource, in batches."""
        for at in range(0, len(contents), BATCH):
            body = {"resource-stat-content": list(contents[at : at + BATCH])}
            self._ask("POST", "/resources/stats", body=body)

    def latest(self, ids: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, float]]:
        """The newest values: Operations' id -> key -> value. A key without value is left out."""
        found: dict[str, dict[str, float]] = {}
        for at in range(0, len(ids), BATCH):
            body = {
                "resourceId": list(ids[at : at + BATCH]),
                "statKey": list(keys),
                "currentOnly": True,
                "maxSamples": 1,
            }
            answer = self._ask("POST", "/resources/stats/latest/query", body=body)
            for resource in answer.get("values") or ():
                figures = _figures(resource)
                if figures:
                    found[str(resource.get("resourceId", ""))] = figures
        return found

    # ------------------------------------------------------------------ inside

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        page, seen = 0, 0
        while True:
            answer = self._ask("GET", path, query={**query, "page": page, "pageSize": PAGE})
            resources = answer.get("resourceList") or []
            yield from resources
            seen += len(resources)
            total = (answer.get("pageInfo") or {}).get("totalCount") or 0
            if not resources or seen >= total:
                return
            page += 1

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        """One request, with a fresh token if the present one is not taken any more."""
        known = self._token is not None
        answer = self._send(method, path, query, body)
        if answer.status_code == requests.codes.unauthorized and known:
            # About six hours old.
            self._token = None
            answer = self._send(method, path, query, body)
        if answer.status_code == requests.codes.unauthorized and self._scheme == _SCHEMES[0]:
            self._scheme = _SCHEMES[1]
            answer = self._send(method, path, query, body)
        return self._document(answer, f"{method} {path}")

    def _send(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any
    ) -> requests.Response:
        if self._token is None:
            self._token = self._acquire()
        headers = {
            "Accept": "application/json",
            "Authorization": f"{self._scheme} {self._token.reveal()}",
        }
        return self._request(method, path, headers=headers, params=query, json=body)

    def _acquire(self) -> Secret:
        login = self._login
        body = {"username": login.target.user, "password": login.password.reveal()}
        if login.auth_source:
            body["authSource"] = login.auth_source
        answer = self._request(
            "POST", "/auth/token/acquire", headers={"Accept": "application/json"}, json=body
        )
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise NotPermittedError(
                f"refuses the login of {login.target.user}",
                where=login.target.address,
                cure="check OPERATIONS_PASSWORD and, for a directory, OPERATIONS_AUTH_SOURCE",
            )
        token = self._document(answer, "the login").get("token")
        if not isinstance(token, str) or not token:
            raise self._strange("the login")
        return Secret(token)

    def _request(self, method: str, path: str, **how: Any) -> requests.Response:
        try:
            return self._http.request(method, self._root + path, **how)
        except requests.RequestException as exc:
            raise UnreachableError(
                f"Operations cannot be reached ({type(exc).__name__})",
                where=self._login.target.address,
                cure="check the address, the certificate and the network",
            ) from None

    def _document(self, answer: requests.Response, what: str) -> dict[str, Any]:
        status = answer.status_code
        if status in (requests.codes.unauthorized, requests.codes.forbidden):
            raise NotPermittedError(
                f"refuses {what}",
                where=self._login.target.address,
                cure=f"give {self._login.target.user} a role that may do it",
            )
        if not answer.ok:
            raise UnreachableError(
                f"Operations answers {status} to {what}",
                where=self._login.target.address,
                cure="look at its logs, or try again later",
            )
        if not answer.content:
            return {}
        try:
            document = answer.json()
        except ValueError:
            raise self._strange(what) from None
        if not isinstance(document, dict):
            raise self._strange(what)
        return document

    def _strange(self, what: str) -> UnreachableError:
        return UnreachableError(
            f"what answers {what} is not Operations",
            where=self._login.target.address,
            cure="check the address",
        )


def _identifiers(resource: Mapping[str, Any]) -> dict[str, str]:
    key = resource.get("resourceKey") or {}
    return {
        str((one.get("identifierType") or {}).get("name", "")): str(one.get("value", ""))
        for one in key.get("resourceIdentifiers") or ()
    }


def _figures(resource: Mapping[str, Any]) -> dict[str, float]:
    """Key -> newest value of one resource's answer."""
    figures: dict[str, float] = {}
    for one in (resource.get("stat-list") or {}).get("stat") or ():
        key, data = (one.get("statKey") or {}).get("key"), one.get("data") or ()
        if key and data and isinstance(data[-1], int | float):
            figures[str(key)] = float(data[-1])
    return figures
