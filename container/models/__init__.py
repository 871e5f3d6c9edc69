"""Served models: where they lie (locate), their files (artifact), the loaded ones (pool), and which are (policies)."""
