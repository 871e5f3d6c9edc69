"""Datasets and runs of the store as other tools' files, and back."""
