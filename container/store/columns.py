"""What tables of the store are made of: their names, their keys, and how they refer to each other."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
    text,
)

from container.store.upserts import short

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only where the type is INTEGER


def key() -> Column[int]:
    """Return the number of a row."""
    return Column("id", KEY, primary_key=True)


def public_id() -> Column[str]:
    """Return the id that clients see."""
    return Column("public_id", String(40), nullable=False, unique=True)


def of(table: str, nullable: bool = False, name: str = "") -> Column[int]:
    """Return a reference to a row, which goes with it."""
    return Column(name or f"{table}_id", KEY, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable)


def unique(table: str, *columns: str) -> tuple[UniqueConstraint, Index]:
    """Return what keeps columns unique; the last is a text of any length, of which PostgreSQL indexes a short form."""
    name = "_".join(("uq", table, *columns))
    indexed = Index(name, *columns[:-1], text(f"({short(columns[-1])})"), unique=True)
    return (
        UniqueConstraint(*columns).ddl_if(dialect="sqlite"),
        indexed.ddl_if(dialect="postgresql"),
    )
