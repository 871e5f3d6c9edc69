"""HTTP protocols: one folder or file per protocol; siblings never import each other."""
