"""Benchmarks with their items, and presets of evaluations."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _benchmarks()
    _presets()


def _benchmarks() -> None:
    op.create_table(
        "benchmark",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("job_id", KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version_major", KEY, nullable=False),
        sa.Column("version_minor", KEY, nullable=False),
        sa.Column("version_label", sa.Text(), nullable=True),
        sa.Column("rollup_groups", sa.Text(), server_default="[]", nullable=False),
        sa.Column("class_agnostic", sa.Boolean(), nullable=True),
        sa.Column("skipped", KEY, server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["benchmark.id"], name=op.f("fk_benchmark_parent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_benchmark_job_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benchmark")),
        sa.UniqueConstraint("public_id", name=op.f("uq_benchmark_public_id")),
        sqlite_autoincrement=True,  # jobs and evaluations name it by its key, whatever becomes of it
    )
    op.create_index("ix_benchmark_parent_id", "benchmark", ["parent_id"])
    op.create_index("ix_benchmark_job_id", "benchmark", ["job_id"])
    op.create_table(
        "benchmark_item",
        sa.Column("benchmark_id", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["benchmark_id"], ["benchmark.id"], name=op.f("fk_benchmark_item_benchmark_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_benchmark_item_item_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("benchmark_id", "item_id", name=op.f("uq_benchmark_item_benchmark_id_item_id")),
    )
    op.create_index("ix_benchmark_item_item_id", "benchmark_item", ["item_id"])


def _presets() -> None:
    op.create_table(
        "preset",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preset")),
        sa.UniqueConstraint("name", name=op.f("uq_preset_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_preset_public_id")),
    )
