"""CPU features as keys: a running VM goes only where the CPU gives what it was started with.

vSphere names sets of features by EVC mode, each of a vendor's containing those before it. Within a
cluster without EVC hosts may differ, and vMotion is refused from newer to older ones.
"""

from __future__ import annotations

#: Modes of each vendor, each containing those before it (vSphere 8's ``supportedEVCMode``).
_MODES = (
    (
        "intel-merom", "intel-penryn", "intel-nehalem", "intel-westmere", "intel-sandybridge",
        "intel-ivybridge", "intel-haswell", "intel-broadwell", "intel-skylake",
        "intel-cascadelake", "intel-icelake", "intel-sapphirerapids",
    ),
    (
        "amd-rev-e", "amd-rev-f", "amd-greyhound-no3dnow", "amd-greyhound", "amd-bulldozer",
        "amd-piledriver", "amd-steamroller", "amd-zen", "amd-zen2", "amd-zen3", "amd-zen4",
    ),
)  # fmt: skip
_PLACES = {
    mode: (vendor, place) for vendor, modes in enumerate(_MODES) for place, mode in enumerate(modes)
}


def gives(host: str, vm: str) -> bool:
    """Whether a host of that highest mode can run a VM that needs that mode.

    What is not told, or not known here, rules nothing out; vSphere itself checks before it moves.
    """
    if host not in _PLACES or vm not in _PLACES:
        return True
    (host_vendor, most), (vendor, needed) = _PLACES[host], _PLACES[vm]
    return host_vendor == vendor and most >= needed
