"""Where pictures in a request come from, one file a source."""
