"""The query language of operations: what steps extract, change and filter, and when.

A query is JSON that is read once, when its workflow is (queries): chains of operations (base, and a file for each kind
of value), statements about values (statements, comparators), and cases. It runs in a Scope, which bounds its work.
"""

from container.workflows.operations.base import Chain, Detection
from container.workflows.operations.nodes import Anything
from container.workflows.operations.queries import (
    CasesDefinition,
    Condition,
    Operations,
    OperationsByName,
    Switch,
    description,
)
from container.workflows.operations.scope import ITEM, Scope
from container.workflows.operations.statements import Statement

__all__ = [
    "ITEM",
    "Anything",
    "CasesDefinition",
    "Chain",
    "Condition",
    "Detection",
    "Operations",
    "OperationsByName",
    "Scope",
    "Statement",
    "Switch",
    "description",
]
