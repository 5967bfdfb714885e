"""The tables of `nexa_wallet`."""

from kernel.tables import domain_metadata

metadata = domain_metadata("wallet")
