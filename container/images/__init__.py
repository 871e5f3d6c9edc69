"""Image decoding, its limits, and the image sources that a request may use."""
