"""The tables of `nexa_policies`."""

from kernel.tables import domain_metadata

metadata = domain_metadata("policies")
