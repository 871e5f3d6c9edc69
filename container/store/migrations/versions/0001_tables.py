"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _datasets()
    _items()
    _models()
    _runs()
    _annotations()
    _jobs()


def _datasets() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_scene", sa.Boolean(), nullable=False),
        sa.Column("use_privacy_mode", sa.Boolean(), nullable=False),
        sa.Column("annotation_metadata_schema", sa.Text(), nullable=True),
        sa.Column("item_metadata_schema", sa.Text(), nullable=True),
        sa.Column("revision", KEY, server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("public_id", name=op.f("uq_dataset_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "dataset_tag",
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_tag_dataset_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("dataset_id", "tag", name=op.f("uq_dataset_tag_dataset_id_tag")),
    )


def _items() -> None:
    op.create_table(
        "item",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_item_dataset_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("dataset_id", "reference_id", name=op.f("uq_item_dataset_id_reference_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_item_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_item_blob",
        "item",
        ["blob"],
        unique=False,
        sqlite_where=sa.text("blob IS NOT NULL"),
        postgresql_where=sa.text("blob IS NOT NULL"),
    )
    op.create_index("ix_item_number", "item", ["dataset_id", "id"], unique=False)
    op.create_table(
        "taxonomy",
        sa.Column("id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_taxonomy_dataset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy")),
        sa.UniqueConstraint("dataset_id", "name", name=op.f("uq_taxonomy_dataset_id_name")),
    )


def _models() -> None:
    op.create_table(
        "model",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("bundle_name", sa.Text(), nullable=True),
        sa.Column("trained_slice_ids", sa.Text(), server_default="[]", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("public_id", name=op.f("uq_model_public_id")),
        sa.UniqueConstraint("reference_id", name=op.f("uq_model_reference_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "model_tag",
        sa.Column("model_id", KEY, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_tag_model_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("model_id", "tag", name=op.f("uq_model_tag_model_id_tag")),
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("model_id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("implicit", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_run_dataset_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_run_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_run_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_dataset_id", "run", ["dataset_id"], unique=False)
    op.create_index("ix_run_model_id", "run", ["model_id"], unique=False)
    op.create_index(
        "uq_run_implicit",
        "run",
        ["model_id", "dataset_id"],
        unique=True,
        sqlite_where=sa.text("implicit IS 1"),
        postgresql_where=sa.text("implicit IS true"),
    )
    op.create_table(
        "run_dataset",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_run_dataset_dataset_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_dataset_run_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("run_id", "dataset_id", name=op.f("uq_run_dataset_run_id_dataset_id")),
    )
    op.create_index("ix_run_dataset_dataset_id", "run_dataset", ["dataset_id"], unique=False)


def _annotations() -> None:
    op.create_table(
        "annotation",
        sa.Column("id", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_annotation_item_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint("item_id", "key", name=op.f("uq_annotation_item_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_annotation_blob",
        "annotation",
        ["blob"],
        unique=False,
        sqlite_where=sa.text("blob IS NOT NULL"),
        postgresql_where=sa.text("blob IS NOT NULL"),
    )
    op.create_table(
        "prediction",
        sa.Column("id", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_prediction_item_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_prediction_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
        sa.UniqueConstraint("run_id", "item_id", "key", name=op.f("uq_prediction_run_id_item_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_prediction_blob",
        "prediction",
        ["blob"],
        unique=False,
        sqlite_where=sa.text("blob IS NOT NULL"),
        postgresql_where=sa.text("blob IS NOT NULL"),
    )
    op.create_index("ix_prediction_item_id", "prediction", ["item_id"], unique=False)


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", KEY, nullable=True),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="{}", nullable=False),
        sa.Column("progress", sa.Float(), server_default="0", nullable=False),
        sa.Column("error_count", KEY, server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("lease_owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", sa.Float(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_job_dataset_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("public_id", name=op.f("uq_job_public_id")),
        sa.UniqueConstraint("request_key", name=op.f("uq_job_request_key")),
    )
    op.create_index("ix_job_dataset_id", "job", ["dataset_id"], unique=False)
    op.create_index("ix_job_status", "job", ["status", "lease_until"], unique=False)
    op.create_table(
        "upload",
        sa.Column("id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_upload_dataset_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("dataset_id", "request_id", name=op.f("uq_upload_dataset_id_request_id")),
    )
    op.create_table(
        "job_error",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_error_job_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", "number", name=op.f("uq_job_error_job_id_number")),
    )
