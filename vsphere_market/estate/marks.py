"""What an administrator writes on an object in the vSphere Client so that nothing of ours is done.

On a VM, or on a cluster for all that is in it: a tag ``stop`` of the category ``vsphere-market``,
or a custom attribute ``vsphere-market`` with the value ``stop``. Capitals and blanks do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Category of the tag, and name of the custom attribute.
MARK = "vsphere-market"
STOP = "stop"


def says_stop(tags: Iterable[str], attributes: Iterable[str]) -> bool:
    """Tags as ``category:tag`` or custom attributes as ``name=value`` say stop."""
    return any(_parts(tag, ":") == (MARK, STOP) for tag in tags) or any(
        _parts(attribute, "=") == (MARK, STOP) for attribute in attributes
    )


def _parts(text: str, mark: str) -> tuple[str, str]:
    name, _, value = text.casefold().partition(mark)
    return name.strip(), value.strip()
