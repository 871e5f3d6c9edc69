"""The tables of the store, in SQLAlchemy's words; `migrations/` makes them, and a test compares the two.

Inside, rows have whole numbers as keys; clients see the ids of `public_id`. Payloads are JSON as it was sent. SQLite
gives the key of a row that was last and is deleted to the next one, but where it is told not to (autoincrement): what
evaluations name by their keys.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from container.store.columns import KEY, key, metadata, of, public_id, unique

meta = Table("meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

dataset = Table(
    "dataset",
    metadata,
    key(),
    public_id(),
    Column("name", Text, nullable=False),
    Column("is_scene", Boolean, nullable=False),
    Column("use_privacy_mode", Boolean, nullable=False),
    Column("annotation_metadata_schema", Text),
    Column("item_metadata_schema", Text),
    Column("revision", KEY, nullable=False, server_default="0"),  # grows with each change of its items and its truth
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),  # from then on nobody finds it, and a job erases it
    sqlite_autoincrement=True,
)

dataset_tag = Table(
    "dataset_tag",
    metadata,
    of("dataset"),
    Column("tag", Text, nullable=False),
    *unique("dataset_tag", "dataset_id", "tag"),
)

taxonomy = Table(
    "taxonomy",
    metadata,
    key(),
    of("dataset"),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("labels", Text, nullable=False),
    *unique("taxonomy", "dataset_id", "name"),
)

item = Table(
    "item",
    metadata,
    key(),  # in the order of commits: an item's number in its dataset is the rank of its key
    public_id(),
    of("dataset"),
    Column("reference_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("blob", String(64)),  # of a picture that was uploaded
    *unique("item", "dataset_id", "reference_id"),
    Index("ix_item_number", "dataset_id", "id"),
    sqlite_autoincrement=True,
)

model = Table(
    "model",
    metadata,
    key(),
    public_id(),
    Column("reference_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("metadata", Text),
    Column("bundle_name", Text),
    Column("trained_slice_ids", Text, nullable=False, server_default="[]"),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    *unique("model", "reference_id"),
    sqlite_autoincrement=True,
)

model_tag = Table(
    "model_tag",
    metadata,
    of("model"),
    Column("tag", Text, nullable=False),
    *unique("model_tag", "model_id", "tag"),
)

run = Table(
    "run",
    metadata,
    key(),
    public_id(),
    of("model"),
    of("dataset", nullable=True),  # none: of several datasets
    Column("name", Text, nullable=False),
    Column("metadata", Text),
    Column("status", String(20), nullable=False),
    Column("implicit", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Column("revision", KEY, nullable=False, server_default="0"),  # grows with each change of its predictions
    Index("ix_run_model_id", "model_id"),
    Index("ix_run_dataset_id", "dataset_id"),
    sqlite_autoincrement=True,
)
# Predictions that are uploaded without a run share one for each model and dataset.
Index(
    "uq_run_implicit",
    run.c.model_id,
    run.c.dataset_id,
    unique=True,
    sqlite_where=run.c.implicit.is_(True),
    postgresql_where=run.c.implicit.is_(True),
)

run_dataset = Table(
    "run_dataset",
    metadata,
    of("run"),
    of("dataset"),
    UniqueConstraint("run_id", "dataset_id"),
    Index("ix_run_dataset_dataset_id", "dataset_id"),
)


def _object_columns() -> tuple[Column[str] | Column[float] | Column[str | None], ...]:
    return (
        Column("kind", String(20), nullable=False),
        Column("key", Text, nullable=False),  # what it is known by below its item
        Column("label", Text, nullable=False),
        Column("confidence", Float),
        Column("payload", Text, nullable=False),
        Column("blob", String(64)),  # of a mask that was uploaded
    )


annotation = Table(
    "annotation",
    metadata,
    key(),
    of("item"),
    *_object_columns(),
    *unique("annotation", "item_id", "key"),
    sqlite_autoincrement=True,
)
prediction = Table(
    "prediction",
    metadata,
    key(),
    of("item"),
    of("run"),
    *_object_columns(),
    *unique("prediction", "run_id", "item_id", "key"),
    Index("ix_prediction_item_id", "item_id"),  # for what goes with an item
    sqlite_autoincrement=True,
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", KEY, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)
for _table in (item, annotation, prediction):  # which rows hold a blob, for the sweep of those that none does
    Index(
        f"ix_{_table.name}_blob",
        _table.c.blob,
        sqlite_where=_table.c.blob.is_not(None),
        postgresql_where=_table.c.blob.is_not(None),
    )

upload = Table(
    "upload",
    metadata,
    key(),
    of("dataset"),
    Column("request_id", Text, nullable=False),
    Column("file", Text, nullable=False),  # in the folder of uploads
    Column("size", KEY, nullable=False),
    Column("created_at", Float, nullable=False),
    *unique("upload", "dataset_id", "request_id"),
)

job = Table(
    "job",
    metadata,
    key(),
    public_id(),
    Column("dataset_id", KEY, ForeignKey("dataset.id", ondelete="SET NULL")),  # who waits for it asks on
    Column("type", String(40), nullable=False),
    Column("request_key", Text),  # the same request again is the same job
    Column("parameters", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("message", Text, nullable=False, server_default="{}"),
    Column("state", Text, nullable=False, server_default="{}"),  # how far it is, written with what it has done
    Column("progress", Float, nullable=False, server_default="0"),
    Column("error_count", KEY, nullable=False, server_default="0"),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("lease_owner", String(40)),
    Column("lease_until", Float, nullable=False, server_default="0"),
    Index("ix_job_status", "status", "lease_until"),
    Index("ix_job_dataset_id", "dataset_id"),
    *unique("job", "request_key"),
)

job_error = Table(
    "job_error",
    metadata,
    of("job"),
    Column("number", KEY, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("job_id", "number"),
)

evaluation = Table(
    "evaluation",
    metadata,
    key(),
    public_id(),
    Column("purpose", String(12), nullable=False),  # "commit" of a run, or "evaluation"
    of("model"),
    of("run", nullable=True),  # none: of the predictions of a model without one
    Column("benchmark_id", KEY),  # it may be deleted since
    Column("job_id", KEY, ForeignKey("job.id", ondelete="SET NULL")),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("selection", Text, nullable=False),  # which datasets and runs were compared
    Column("status", String(12), nullable=False),
    Column("error", Text),
    Column("revisions", Text, nullable=False, server_default="{}"),  # of what was compared, at that moment
    Column("version", Text, nullable=False, server_default=""),  # of the code
    Column("counts", Text, nullable=False, server_default="{}"),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("deleted_at", Float),
    Index("ix_evaluation_run_id", "run_id"),
    Index("ix_evaluation_model_id", "model_id"),
    Index("ix_evaluation_job_id", "job_id"),
    Index("ix_evaluation_benchmark_id", "benchmark_id"),
    sqlite_autoincrement=True,
)

# Arrays of a part of its items: what figures are computed from.
evaluation_part = Table(
    "evaluation_part",
    metadata,
    of("evaluation"),
    Column("number", KEY, nullable=False),
    Column("kind", String(10), nullable=False),  # "bbox" or "segm"
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("evaluation_id", "kind", "number"),
)

# The rows of a commit, an item's in one text: 5,000 of them are written where 360,000 would be.
match = Table(
    "match",
    metadata,
    of("evaluation"),
    of("item"),
    Column("rows", Text, nullable=False),
    UniqueConstraint("evaluation_id", "item_id"),
    Index("ix_match_item_id", "item_id"),
)

benchmark = Table(
    "benchmark",
    metadata,
    key(),
    public_id(),
    Column("parent_id", KEY, ForeignKey("benchmark.id", ondelete="SET NULL")),  # the version that it was made of
    Column("job_id", KEY, ForeignKey("job.id", ondelete="SET NULL")),  # which adds items, or has added the last ones
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("metadata", Text),
    Column("status", String(12), nullable=False),
    Column("version_major", KEY, nullable=False),
    Column("version_minor", KEY, nullable=False),
    Column("version_label", Text),
    Column("rollup_groups", Text, nullable=False, server_default="[]"),  # labels that count as one
    Column("class_agnostic", Boolean),
    Column("skipped", KEY, nullable=False, server_default="0"),  # items without ground truth
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Index("ix_benchmark_parent_id", "parent_id"),
    Index("ix_benchmark_job_id", "job_id"),
    sqlite_autoincrement=True,
)

benchmark_item = Table(
    "benchmark_item",
    metadata,
    of("benchmark"),
    of("item"),
    UniqueConstraint("benchmark_id", "item_id"),
    Index("ix_benchmark_item_item_id", "item_id"),
)

preset = Table(
    "preset",
    metadata,
    key(),
    public_id(),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    *unique("preset", "name"),
)
