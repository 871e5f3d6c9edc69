"""The one error of this package; what it says is for the person at the terminal."""

import click


class DeployError(click.ClickException):
    """Something is wrong with what was asked for, or AWS would not do it. The command ends with exit code 1."""
