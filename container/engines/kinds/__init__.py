"""Networks that can be served, and what predicts with them: one file a task or an architecture."""
