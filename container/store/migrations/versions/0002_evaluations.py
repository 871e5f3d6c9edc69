"""Evaluations of runs: the pairs of a commit, and the arrays that figures are computed from."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.add_column("run", sa.Column("revision", KEY, server_default="0", nullable=False))
    _evaluations()
    _parts()


def _evaluations() -> None:
    op.create_table(
        "evaluation",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("model_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("benchmark_id", KEY, nullable=True),
        sa.Column("job_id", KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("revisions", sa.Text(), server_default="{}", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("counts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_evaluation_model_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_evaluation_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_evaluation_job_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_evaluation_public_id")),
        sqlite_autoincrement=True,  # jobs, and who answers questions about it, name it by its key
    )
    for column in ("run_id", "model_id", "job_id", "benchmark_id"):
        op.create_index(f"ix_evaluation_{column}", "evaluation", [column])


def _parts() -> None:
    op.create_table(
        "evaluation_part",
        sa.Column("evaluation_id", KEY, nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_part_evaluation_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "evaluation_id", "kind", "number", name=op.f("uq_evaluation_part_evaluation_id_kind_number")
        ),
    )
    op.create_table(
        "match",
        sa.Column("evaluation_id", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_match_evaluation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_match_item_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("evaluation_id", "item_id", name=op.f("uq_match_evaluation_id_item_id")),
    )
    op.create_index("ix_match_item_id", "match", ["item_id"])
