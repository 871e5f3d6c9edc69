"""How good predictions are: truth and predictions in, numbers out. Knows no models, no files and no command line."""
