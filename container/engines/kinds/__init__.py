"""Plug-ins: the kinds of models that can be served, with their architectures; one module a kind or an architecture."""

from container.engines import light_torchvision

light_torchvision.install()  # before one of them imports torchvision as it is, in 1.1 s more
