"""HTTP in, HTTP out: one folder or file a protocol; siblings never import each other."""
