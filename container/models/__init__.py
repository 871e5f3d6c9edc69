"""Served models: where they lie (locate), how they are packed (artifact), which are loaded (repository)."""
