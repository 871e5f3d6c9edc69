"""Does a server keep SageMaker's hosting contract? Asked from outside, over HTTP, of this server or of anybody's.

A row of the answer is a Finding. `command` runs all groups of checks, one a file: starting, health, bodies, refusals,
negotiation, attributes, batch, runtime, load, stopping, image, and multi_model. What SageMaker does not ask for, such
as its runtime's route, is at worst "not offered".
"""
