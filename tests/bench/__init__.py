"""Maskserve against other ways to serve the same model: same weights, same photos, same answers; `make bench`.

cases (models, photos, thresholds) → servers (started as their users would) → load (closed-loop clients) → report. What
the others run is in plain.py, as most people write it around torchvision, and in peers/, one file a server.
"""
