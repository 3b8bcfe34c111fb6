"""The market over HTTP: REST, events, metrics and webhooks for consoles, workflows and monitoring.

Everything is asked of ``control``; nothing here decides. Nothing is carried out that nobody with
the role to do so has approved, unless ``serve --loop`` is told to let automatic policies act.
``docs/integrations/rest.md`` says how to use it.
"""
