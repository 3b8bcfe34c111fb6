"""Extensions of a vCenter: what it knows of plugins, written through the ExtensionManager.

A remote plugin is an entry in vCenter's list: where its manifest is, which certificate shows there,
and which tasks and privileges it brings. Nothing is installed on the vCenter.

Sources: vSphere API reference (``vim.Extension``), and the field values of the vSphere Client SDK's
own registration tool. ``docs/integrations/vsphere-client.md`` says what is not yet seen on a real
vCenter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.errors import UsageError

CLIENT_TYPE = "vsphere-client-remote"
SERVER_TYPE = "MANIFEST_SERVER"
#: vCenter refuses these in a key.
_NOT_IN_KEYS = re.compile(r"[\x00-\x1f\x7f\t\n,/\\#+><=;\"]")


@dataclass(frozen=True, slots=True)
class Privilege:
    """A privilege that an extension brings.

    Attributes:
        group: its group, e.g. ``VsphereMarket``.
        name: within the group; the whole id is ``group.name``.
        label: what administrators read.
        summary: likewise, longer.
    """

    group: str
    name: str
    label: str
    summary: str

    @property
    def id(self) -> str:
        """As vCenter names it."""
        return f"{self.group}.{self.name}"


@dataclass(frozen=True, slots=True)
class ExtensionEntry:
    """An extension as it is to be, or is, in vCenter.

    Attributes:
        key: its unique name.
        version: dotted numbers; vCenter loads the plugin anew when it changes.
        label: what administrators read.
        summary: likewise, longer.
        company: who made it.
        url: of the manifest.
        thumbprint: SHA-256 of the certificate that shows there, upper case with colons.
        certificate: the same certificate in PEM form, for vCenter 8.0.2 and later; "" for none.
        mail: of whoever runs it, "" for nobody.
        tasks: id of a task -> its label.
        privileges: that it brings.
    """

    key: str
    version: str
    label: str
    summary: str
    company: str
    url: str
    thumbprint: str
    certificate: str = ""
    mail: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)
    privileges: Sequence[Privilege] = ()


def checked_key(key: str) -> str:
    """A key that vCenter takes.

    Raises:
        UsageError: it does not.
    """
    if not key or len(key) > 120 or _NOT_IN_KEYS.search(key) or key != key.strip():
        raise UsageError(
            f"{key[:60]!r} is no key for an extension",
            where="--key",
            cure="use a reverse domain name in lower case, e.g. com.example.vsphere-market",
        )
    return key


def find_extension(session: Session, key: str) -> ExtensionEntry | None:
    """The extension with that key, or None.

    Raises:
        UnreachableError, NotPermittedError, ActionError: vCenter cannot be asked.
    """
    found = session.read(lambda content: content.extensionManager.FindExtension(key))
    return _entry(found) if found is not None else None


def register_extension(session: Session, entry: ExtensionEntry) -> None:
    """Write a new extension.

    Raises:
        NotPermittedError: the account lacks ``Extension.Register``.
        OutcomeUnknown, UnreachableError, ActionError: it could not be done.
    """
    wanted = _extension(entry)
    session.change(
        lambda content: content.extensionManager.RegisterExtension(wanted), where=entry.key
    )


def update_extension(session: Session, entry: ExtensionEntry) -> None:
    """Replace an extension of the same key.

    Raises:
        NotPermittedError: the account lacks ``Extension.Update``.
        OutcomeUnknown, UnreachableError, ActionError: it could not be done.
    """
    wanted = _extension(entry)
    session.change(
        lambda content: content.extensionManager.UpdateExtension(wanted), where=entry.key
    )


def unregister_extension(session: Session, key: str) -> None:
    """Remove an extension.

    Raises:
        NotPermittedError: the account lacks ``Extension.Unregister``.
        OutcomeUnknown, UnreachableError, ActionError: it could not be done.
    """
    session.change(lambda content: content.extensionManager.UnregisterExtension(key), where=key)


# ---------------------------------------------------------------- to and from pyVmomi


def _extension(entry: ExtensionEntry) -> Any:
    about = vim.Description(label=entry.label, summary=entry.summary)
    server = vim.ExtensionServerInfo(
        url=entry.url,
        description=about,
        company=entry.company,
        type=SERVER_TYPE,
        adminEmail=[entry.mail or "nobody@localhost"],
        serverThumbprint=entry.thumbprint,
    )
    if entry.certificate:
        server.serverCertificate = entry.certificate
    client = vim.ExtensionClientInfo(
        version=entry.version,
        description=about,
        company=entry.company,
        type=CLIENT_TYPE,
        url=entry.url,
    )
    return vim.Extension(
        description=about,
        key=entry.key,
        company=entry.company,
        version=entry.version,
        server=[server],
        client=[client],
        taskList=[vim.ExtensionTaskTypeInfo(taskID=task) for task in entry.tasks],
        privilegeList=[
            vim.ExtensionPrivilegeInfo(privID=item.id, privGroupName=item.group)
            for item in entry.privileges
        ],
        resourceList=_resources(entry),
        lastHeartbeatTime=datetime.now(UTC),
        shownInSolutionManager=False,
    )


def _resources(entry: ExtensionEntry) -> list[Any]:
    """Texts for what it brings; without them vCenter shows bare ids."""
    texts = {
        "task": {f"{task}.label": label for task, label in entry.tasks.items()},
        "auth": {
            f"privilege.{item.id}.{part}": text
            for item in entry.privileges
            for part, text in (("label", item.label), ("summary", item.summary))
        },
        "extension": {
            f"{entry.key}.label": entry.label,
            f"{entry.key}.summary": entry.summary,
        },
    }
    return [
        vim.ExtensionResourceInfo(
            locale="en_US",
            module=module,
            data=[vim.KeyValue(key=key, value=value) for key, value in pairs.items()],
        )
        for module, pairs in texts.items()
        if pairs
    ]


def _entry(found: Any) -> ExtensionEntry:
    about = found.description
    server = next((item for item in found.server or () if item.type == SERVER_TYPE), None)
    client = next((item for item in found.client or () if item.type == CLIENT_TYPE), None)
    texts = {
        pair.key: pair.value
        for resource in found.resourceList or ()
        for pair in resource.data or ()
    }
    mail = next(iter(server.adminEmail or ()), "") if server is not None else ""
    return ExtensionEntry(
        key=found.key,
        version=found.version,
        label=about.label if about else "",
        summary=about.summary if about else "",
        company=found.company or "",
        url=(client.url if client is not None else "") or "",
        thumbprint=(server.serverThumbprint if server is not None else "") or "",
        certificate=_certificate(server),
        mail="" if mail == "nobody@localhost" else mail,
        tasks={item.taskID: texts.get(f"{item.taskID}.label", "") for item in found.taskList or ()},
        privileges=tuple(
            Privilege(
                item.privGroupName,
                item.privID.removeprefix(f"{item.privGroupName}."),
                texts.get(f"privilege.{item.privID}.label", ""),
                texts.get(f"privilege.{item.privID}.summary", ""),
            )
            for item in found.privilegeList or ()
        ),
    )


def _certificate(server: Any) -> str:
    return str(getattr(server, "serverCertificate", None) or "") if server is not None else ""


def speaks_certificates(session: Session) -> bool:
    """Whether this vCenter takes a plugin's whole certificate (API 8.0.2 and later).

    Older ones take its thumbprint alone, and pyVmomi leaves out what they do not know.
    """
    version = session.read(lambda content: str(content.about.apiVersion))
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    return numbers >= (8, 0, 2)


__all__ = [
    "ExtensionEntry",
    "Privilege",
    "checked_key",
    "find_extension",
    "register_extension",
    "speaks_certificates",
    "unregister_extension",
    "update_extension",
]
