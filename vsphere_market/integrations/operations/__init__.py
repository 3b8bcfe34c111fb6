"""VMware (Aria, VCF) Operations: our figures pushed to it, guests' figures taken from it.

Plain HTTP of the published ``suite-api``, which every release since vRealize Operations 8 speaks;
alerts that come the other way are the service's business (``service``).
"""

from vsphere_market.integrations.operations.client import Login, Operations, login_from
from vsphere_market.integrations.operations.figures import Figure, Figures, figures_of
from vsphere_market.integrations.operations.guests import GuestFigures, OperationsGuests
from vsphere_market.integrations.operations.push import PushResult, push

__all__ = [
    "Figure",
    "Figures",
    "GuestFigures",
    "Login",
    "Operations",
    "OperationsGuests",
    "PushResult",
    "figures_of",
    "login_from",
    "push",
]
