"""VMware Aria (vRealize, VCF) Orchestrator: actions and workflows that call the service.

`export.write_sources` makes the source tree that Build Tools for VMware Aria packages: Python
actions (``ScriptModule``), workflows and one configuration element, each with an id that never
changes, so that importing a newer version replaces the older one.
"""

from vsphere_market.integrations.orchestrator.export import Runtime, write_sources

__all__ = ["Runtime", "write_sources"]
