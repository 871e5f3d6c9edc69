"""Pictures that the server downloads: which URLs, which addresses, and the download."""
