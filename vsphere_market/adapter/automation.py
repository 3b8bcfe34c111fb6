"""The Automation SDK, fenced in: what this room uses of it, typed ``Any`` once.

It takes a fifth of a second to import, so it is imported when a vCenter is read, not before.
"""

from __future__ import annotations

import warnings
from typing import Any

with warnings.catch_warnings():
    # It reads its own resources in an old way, which is no concern of who uses it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from com.vmware.cis.tagging_client import Category, Tag, TagAssociation
    from com.vmware.cis_client import Session
    from com.vmware.vapi.std import errors_client
    from com.vmware.vapi.std_client import DynamicID
    from vmware.vapi.exception import CoreException
    from vmware.vapi.lib.connect import get_requests_connector
    from vmware.vapi.security.client.security_context_filter import LegacySecurityContextFilter
    from vmware.vapi.security.session import create_session_security_context
    from vmware.vapi.security.user_password import create_user_password_security_context
    from vmware.vapi.stdlib.client.factories import StubConfigurationFactory

#: Any answer of the server that says no.
Error: Any = errors_client.Error
Unauthenticated: Any = errors_client.Unauthenticated
#: What it raises itself, and what escapes from it, when an answer is not of its language.
GARBLED: tuple[type[Exception], ...] = (CoreException, TypeError, ValueError, KeyError)


def by_password(http: Any, url: str, user: str, password: str) -> Any:
    """A service for opening sessions, in the name of a user."""
    return Session(_stub(http, url, create_user_password_security_context(user, password)))


class Services:
    """The services that are asked within a session."""

    def __init__(self, http: Any, url: str, session_id: str) -> None:
        stub = _stub(http, url, create_session_security_context(session_id))
        self.session: Any = Session(stub)
        self.tag: Any = Tag(stub)
        self.category: Any = Category(stub)
        self.association: Any = TagAssociation(stub)


def object_id(kind: str, moid: str) -> Any:
    """A managed object as the SDK names it."""
    return DynamicID(type=kind, id=moid)


def _stub(http: Any, url: str, context: Any) -> Any:
    chain = [LegacySecurityContextFilter(security_context=context)]
    connector = get_requests_connector(session=http, url=url, provider_filter_chain=chain)
    return StubConfigurationFactory.new_std_configuration(connector)
