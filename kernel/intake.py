"""The one table of `nexa_intake`: where the passenger process may INSERT what a passenger said, and nothing else."""

from kernel.tables import empty_metadata, message_table, relay_lease

metadata = empty_metadata("intake")
intake = message_table("intake", metadata, app=("insert",))
relay_lease(metadata)
