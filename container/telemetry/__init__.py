"""Logs, metrics and timings; usable from every layer."""
