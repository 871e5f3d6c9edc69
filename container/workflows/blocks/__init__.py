"""Blocks of workflows, a file each; files that begin with _ hold what some have in common."""
