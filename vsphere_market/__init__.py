"""A memory market for VMware vSphere.

Hosts sell memory, VMs buy it, prices rise with scarcity, and trades become actions: vMotion,
memory hot-add, reservations, limits and balloon caps. Each room of the package (`estate`,
`demand`, `policy`, `market`, …) says in its docstring what it takes and what it gives; which
room may import which is enforced by the contracts in `pyproject.toml`.
"""

__all__ = ["__version__"]

__version__ = "0.1.0.dev0"
