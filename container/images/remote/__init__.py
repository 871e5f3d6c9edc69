"""Image download: rules for URLs, public IP addresses, and the HTTP client."""
