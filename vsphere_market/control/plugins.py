"""The vSphere Client plugin in a vCenter: registered, kept up to date, looked at, taken out."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import vsphere_market
from vsphere_market.adapter import Target, credentials_for, target_from
from vsphere_market.adapter.extension import (
    ExtensionEntry,
    Privilege,
    checked_key,
    find_extension,
    register_extension,
    speaks_certificates,
    unregister_extension,
    update_extension,
)
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.tls import ServerCertificate, fetch_certificate, shown
from vsphere_market.control.sources import SourceKind, SourceOptions, source_kind
from vsphere_market.errors import CertificateError, InputError, UnreachableError, UsageError
from vsphere_market.port import Finding, Severity

KEY = "io.github.vsphere-market"
LABEL = "vSphere Market"
SUMMARY = "A memory market: hosts sell memory, VMs buy it, and trades become vSphere actions."
COMPANY = "vsphere-market"
#: Numbers alone: vCenter knows nothing of ours being in development.
VERSION = vsphere_market.__version__.partition(".dev")[0]
MANIFEST = "plugin.json"
#: Tasks that the market may show in vCenter's list.
TASKS: Mapping[str, str] = {
    f"{KEY}.plan": "Make a plan of the memory market",
    f"{KEY}.apply": "Carry out a plan of the memory market",
}
#: Who may migrate and change VMs may carry plans out anyway; this is for those who only decide.
PRIVILEGES: Sequence[Privilege] = (
    Privilege(
        "VsphereMarket",
        "Approve",
        "Approve plans of the memory market",
        "Approve or skip the steps of a plan, and pull the stop switch.",
    ),
)
_PROBE_S = 10.0


class Done(StrEnum):
    """What became of the entry in vCenter."""

    REGISTERED = "registered"
    UPDATED = "updated"
    #: It was as wanted.
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    #: There was none to remove.
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be registered; the names are those of the options.

    Attributes:
        url: of the console or of its manifest, as vCenter reaches it.
        key: of the extension.
        version: of the plugin; vCenter loads it anew when that changes.
        fingerprint: SHA-256 of the certificate that the service shows.
        certificate: PEM file of that certificate, instead of the fingerprint.
        mail: of whoever runs the service.
    """

    url: str
    key: str = KEY
    version: str = VERSION
    fingerprint: str = ""
    certificate: Path | None = None
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """What was done, or would be.

    Attributes:
        done: what.
        entry: the extension as it is now, or would be.
        before: as it was, None if there was none.
        dry_run: nothing was written.
        vcenter: its address.
    """

    done: Done
    entry: ExtensionEntry
    before: ExtensionEntry | None
    dry_run: bool
    vcenter: str


@dataclass(frozen=True, slots=True)
class Status:
    """The plugin as vCenter knows it, and whether it can work.

    Attributes:
        vcenter: its address.
        entry: the extension, None if there is none.
        findings: what is good or wrong about it, each with its cure.
    """

    vcenter: str
    entry: ExtensionEntry | None
    findings: tuple[Finding, ...]

    @property
    def works(self) -> bool:
        """Nothing is wrong."""
        return self.entry is not None and not any(
            item.severity is Severity.ERROR for item in self.findings
        )


# ---------------------------------------------------------------- what is asked for


def register(
    options: SourceOptions,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> Registered:
    """Register the plugin, or bring its entry up to date. Saying so twice changes nothing.

    Args:
        options: which vCenter.
        wanted: the entry.
        dry_run: look at everything, write nothing.
        environ: the process environment.
        prompt: asks a person for a password; None when nobody is there.

    Raises:
        UsageError: an address, key or version that vCenter would not take.
        CertificateError: the service shows another certificate than the one named, or none was.
        UnreachableError, NotPermittedError, ActionError: the service or vCenter.
    """
    served = served_certificate(wanted)
    entry = ExtensionEntry(
        key=checked_key(wanted.key),
        version=_version(wanted.version),
        label=LABEL,
        summary=SUMMARY,
        company=COMPANY,
        url=manifest_url(wanted.url),
        thumbprint=shown(served.sha256),
        certificate=served.pem,
        mail=wanted.mail,
        tasks=TASKS,
        privileges=PRIVILEGES,
    )
    with _Open(options, environ, prompt) as session:
        if not speaks_certificates(session):
            entry = replace(entry, certificate="")
        before = find_extension(session, entry.key)
        if before is None:
            done, write = Done.REGISTERED, register_extension
        elif _same(before, entry):
            return Registered(Done.UNCHANGED, before, before, dry_run, session.target.address)
        else:
            done, write = Done.UPDATED, update_extension
        if not dry_run:
            write(session, entry)
        return Registered(done, entry, before, dry_run, session.target.address)


def unregister(
    options: SourceOptions,
    key: str = KEY,
    *,
    dry_run: bool = False,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> tuple[Done, str]:
    """Take the plugin out of vCenter; gives what was done and vCenter's address.

    Raises:
        UsageError: the extension of that key is not ours.
        UnreachableError, NotPermittedError, ActionError: vCenter.
    """
    with _Open(options, environ, prompt) as session:
        found = find_extension(session, checked_key(key))
        if found is None:
            return Done.ABSENT, session.target.address
        if not any(item.group == PRIVILEGES[0].group for item in found.privileges):
            raise UsageError(
                f"the extension {key} is {found.label or 'somebody else'}, not this plugin",
                where="--key",
                cure="leave --key out, or name the key that the plugin was registered with",
            )
        if not dry_run:
            unregister_extension(session, key)
        return Done.REMOVED, session.target.address


def status(
    options: SourceOptions,
    key: str = KEY,
    *,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> Status:
    """Look at the plugin's entry, and whether what it names is there.

    Raises:
        UnreachableError, NotPermittedError, ActionError: vCenter.
    """
    with _Open(options, environ, prompt) as session:
        found = find_extension(session, checked_key(key))
        address = session.target.address
    if found is None:
        absent = Finding(
            "plugin-absent", Severity.ERROR, key, "is not registered", "`plugin register` does it"
        )
        return Status(address, None, (absent,))
    return Status(address, found, tuple(_look(found)))


# ---------------------------------------------------------------- the parts


def manifest_url(url: str) -> str:
    """The manifest's address from that of the console, or the same if it is one already.

    Raises:
        UsageError: vCenter could not use it.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
        raise UsageError(
            f"{url[:120]!r} is no address for a plugin",
            where="URL",
            cure="give the service's address as vCenter reaches it: https://market.example.com:8443",
        )
    path = parts.path
    if not path.endswith((".json", ".zip")):
        path = f"{path.rstrip('/')}/{MANIFEST}"
    return f"https://{parts.netloc}{path}"


def served_certificate(wanted: Wanted) -> ServerCertificate:
    """The certificate that the service shows, which must be the one that was named.

    Raises:
        UsageError: no fingerprint, and no file with a certificate.
        CertificateError: it is another one.
        UnreachableError: nothing answers there.
    """
    served = fetch_certificate(_target(manifest_url(wanted.url)), _PROBE_S)
    expected = _expected(wanted)
    if not expected:
        raise CertificateError(
            f"shows a certificate with SHA-256 {shown(served.sha256)}, and none was named to "
            "compare it with",
            where=wanted.url,
            cure="if `serve` shows the same one, add --fingerprint with it, or --certificate FILE",
        )
    if not hmac.compare_digest(served.sha256, expected):
        raise CertificateError(
            f"shows another certificate than the one named: SHA-256 {shown(served.sha256)} "
            f"instead of {shown(expected)}",
            where=wanted.url,
            cure="see whether that address leads to your service, and to nobody in between",
        )
    return served


def _expected(wanted: Wanted) -> str:
    if wanted.certificate is not None:
        try:
            text = wanted.certificate.read_text("ascii")
            found = re.search(f"{ssl.PEM_HEADER}.*?{ssl.PEM_FOOTER}", text, re.DOTALL)
            der = ssl.PEM_cert_to_DER_cert(found[0]) if found else b""
        except (OSError, ValueError):
            der = b""
        if not der:
            raise InputError(
                "holds no certificate in PEM form",
                where=str(wanted.certificate),
                cure="name the file that `serve` was given with --tls-cert",
            )
        return hashlib.sha256(der).hexdigest()
    digits = wanted.fingerprint.replace(":", "").replace(" ", "").lower()
    if digits and not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise UsageError(
            "is no SHA-256 fingerprint",
            where="--fingerprint",
            cure="give the 64 hexadecimal digits that `serve` shows, with or without colons",
        )
    return digits


def _look(found: ExtensionEntry) -> list[Finding]:
    findings: list[Finding] = []
    if not found.url:
        return [
            Finding(
                "plugin-not-remote",
                Severity.ERROR,
                found.key,
                "is registered, but not as a remote plugin",
                "`plugin unregister`, then `plugin register`",
            )
        ]
    try:
        served = fetch_certificate(_target(found.url), _PROBE_S)
    except UnreachableError as error:
        findings.append(Finding("plugin-server", Severity.ERROR, found.url, error.what, error.cure))
    else:
        same = found.thumbprint.replace(":", "").lower() == served.sha256
        findings.append(
            Finding(
                "plugin-certificate",
                Severity.OK,
                found.url,
                "the service answers, and shows the registered certificate",
            )
            if same
            else Finding(
                "plugin-certificate",
                Severity.ERROR,
                found.url,
                f"the service shows another certificate ({shown(served.sha256)}) than is "
                f"registered ({found.thumbprint}), so vCenter will not load the plugin",
                "if it was renewed, `plugin register` again with the new --fingerprint",
            )
        )
    if found.version != VERSION:
        findings.append(
            Finding(
                "plugin-version",
                Severity.INFO,
                found.key,
                f"version {found.version} is registered, and this is {vsphere_market.__version__}",
                "`plugin register` again, so that vCenter loads the new pages",
            )
        )
    return findings


def _same(one: ExtensionEntry, other: ExtensionEntry) -> bool:
    """Whether an update would change nothing."""

    def plain(entry: ExtensionEntry) -> tuple[object, ...]:
        return (
            entry.version,
            entry.url,
            entry.thumbprint.upper(),
            entry.certificate.strip(),
            entry.mail,
            entry.label,
            entry.summary,
            dict(entry.tasks),
            tuple(entry.privileges),
        )

    return plain(one) == plain(other)


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+){0,3}", text):
        raise UsageError(
            f"{text[:40]!r} is no version of a plugin",
            where="--plugin-version",
            cure="give up to four numbers with dots between, e.g. 1.2.0",
        )
    return text


def _target(url: str) -> Target:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return Target(parts.hostname, parts.port or 443)


class _Open:
    """A session at the vCenter that the options name."""

    def __init__(
        self,
        options: SourceOptions,
        environ: Mapping[str, str],
        prompt: Callable[[str], str] | None,
    ) -> None:
        if source_kind(options, environ) is not SourceKind.VCENTER:
            raise UsageError(
                "a plugin is registered in a vCenter",
                cure="name one with --vcenter, or set GOVC_URL",
            )
        target = target_from(
            options.vcenter,
            user=options.user,
            ca_file=options.ca_file,
            pin=options.pin,
            insecure=True if options.insecure else None,
            environ=environ,
        )
        self._session = Session(target, credentials_for(target, environ=environ, prompt=prompt))

    def __enter__(self) -> Session:
        return self._session

    def __exit__(self, *_: object) -> None:
        self._session.close()
