"""Bytes in, pictures out: decoding, its limits, and the sources that a request may name."""
