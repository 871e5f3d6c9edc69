"""Folders of labelled photos, read and checked."""
