"""Other servers around tests.bench.plain, each as its documentation shows it."""
