"""The store: datasets, ground truth, predictions and jobs, in a database and a folder; it knows no protocol."""
