"""Carries a plan out through the vCenter port, step by step, and reports what came of each.

Pre-checks, submits, waits, retries by class of fault and keeps vCenter's concurrency limits. What
happens is told to a recorder that the caller hands in, so this room knows no journal.
"""
