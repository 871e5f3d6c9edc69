"""The API of Nucleus: datasets, ground truth, models and their predictions, as scale-nucleus speaks it."""
