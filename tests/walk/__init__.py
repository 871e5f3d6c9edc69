"""What is served is recorded, looked at by somebody, and compared: the whole way, as docs/recording.md tells it."""
