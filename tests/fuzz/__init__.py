"""Coverage-guided fuzzing of what reads a stranger's bytes: `make fuzz`. The ordinary tests replay what it found."""
