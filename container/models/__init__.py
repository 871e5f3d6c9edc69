"""Served models: their location (locate), their file format (artifact), and the loaded ones (repository)."""
