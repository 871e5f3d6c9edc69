"""What HTTP needs whatever the protocol: the site and what a protocol is, bodies, errors, keys, the log, the docs."""
