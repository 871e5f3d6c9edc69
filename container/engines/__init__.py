"""Models that predict: one engine a task, one builder an architecture. torch stays in here; numpy comes out.

Every public module is a plug-in that registers engines or architectures; `_files` are plumbing.
"""
