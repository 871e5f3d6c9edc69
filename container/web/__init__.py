"""The HTTP layer shared by all protocols: application, protocol base class, bodies, errors, API keys, log, docs."""
