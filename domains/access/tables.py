"""The tables of `nexa_access`."""

from kernel.tables import domain_metadata

metadata = domain_metadata("access")
