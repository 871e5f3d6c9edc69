"""Models that predict. torch stays in here; numpy comes out.

A kind of model is a file of `kinds/`: its engine, what it is asked and answers, and its architectures by name.
"""
