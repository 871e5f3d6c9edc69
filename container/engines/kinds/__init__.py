"""Plug-ins: the kinds of models that can be served, with their architectures; one module a kind or an architecture."""
