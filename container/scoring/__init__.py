"""Predictions of the store compared with its truth, in processes of the lowest priority; knows no protocol."""
