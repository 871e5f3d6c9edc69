"""Workflows: steps that a specification joins, run on the pictures of one request.

A specification is parsed (definition), its references are resolved and ordered (graph), and it is run picture by
picture, level by level (executor). Steps are blocks, a file each.
"""
