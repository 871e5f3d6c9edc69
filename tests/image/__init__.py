"""Builds the image and runs it the way SageMaker does: `make image-test`."""
