"""Business policies as JSON documents, and the rulebook they compile to.

``load_policies`` reads documents and checks them by themselves, ``compile_rulebook`` works out what
they mean for an estate. Nothing here opens a file but those it is handed, and nothing is fetched.
"""

from vsphere_market.policy.compile import Compiled, compile_rulebook
from vsphere_market.policy.documents import NO_POLICIES, Document, PolicySet
from vsphere_market.policy.explain import EffectiveSetting, explain_host, explain_vm
from vsphere_market.policy.load import TEST_SUFFIX, load_policies, parse_policies
from vsphere_market.policy.problems import PolicyProblems, finding_text
from vsphere_market.policy.rulebook import (
    DEFAULT_MODE,
    BudgetScope,
    CrowdRule,
    DisruptionBudget,
    MergedClusters,
    Mode,
    ModeArray,
    Rulebook,
    default_rulebook,
    no_rules,
)
from vsphere_market.policy.schema import API_VERSION, Kind, schema_documents, write_schemas

__all__ = [
    "API_VERSION",
    "DEFAULT_MODE",
    "NO_POLICIES",
    "TEST_SUFFIX",
    "BudgetScope",
    "Compiled",
    "CrowdRule",
    "DisruptionBudget",
    "Document",
    "EffectiveSetting",
    "Kind",
    "MergedClusters",
    "Mode",
    "ModeArray",
    "PolicyProblems",
    "PolicySet",
    "Rulebook",
    "compile_rulebook",
    "default_rulebook",
    "explain_host",
    "explain_vm",
    "finding_text",
    "load_policies",
    "no_rules",
    "parse_policies",
    "schema_documents",
    "write_schemas",
]
