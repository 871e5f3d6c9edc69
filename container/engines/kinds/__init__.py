"""Plug-ins: the networks that can be served and their engines, one module per task or architecture."""
