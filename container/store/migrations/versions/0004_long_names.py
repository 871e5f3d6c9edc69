"""PostgreSQL indexes no texts over 2,700 bytes: names may have 4,000, and the longest are indexed by a digest."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"

UNIQUE = {
    "annotation": ["item_id", "key"],
    "dataset_tag": ["dataset_id", "tag"],
    "item": ["dataset_id", "reference_id"],
    "job": ["request_key"],
    "model": ["reference_id"],
    "model_tag": ["model_id", "tag"],
    "prediction": ["run_id", "item_id", "key"],
    "preset": ["name"],
    "taxonomy": ["dataset_id", "name"],
    "upload": ["dataset_id", "request_id"],
}


def upgrade() -> None:
    """Replace the constraints by indexes."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, (*numbers, text) in UNIQUE.items():
        name = "_".join(("uq", table, *numbers, text))
        op.drop_constraint(name, table)
        digested = f"(CASE WHEN octet_length({text}) > 2000 THEN md5({text}) ELSE {text} END)"
        op.create_index(name, table, [*numbers, sa.text(digested)], unique=True)
