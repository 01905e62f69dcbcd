"""A plugin of dbt-duckdb: one run at a time writes to a lake (target `lake` of profiles.yml)."""

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

# PostgreSQL frees the lock when the transaction ends, even if its process is killed.
LOCK = "select pg_advisory_xact_lock(hashtext('ethelred')) is null"


class Plugin(BasePlugin):
    """Waits for the previous run before dbt reads anything of the lake."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Take the catalogue's lock in a transaction that stays open as long as dbt runs."""
        conn.execute("attach '' as writers (type postgres, read_only)")
        self._transaction = conn.cursor().begin()
        self._transaction.execute("from postgres_query('writers', $1)", [LOCK]).fetchall()
