"""The floor of a write: one row committed through the product's own engine, driver and database, and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.database import make_engine
from runtime.bench.site import Site

# A table of the product with the same row-level security; the tenant is set when connecting, so that a commit is BEGIN, INSERT, COMMIT.
_INSERT = text("insert into asked_before (tenant, actor, key, digest, answer) values (:tenant, 'bench', :key, '', 'null')")


@dataclass(slots=True)
class Floor:
    engine: AsyncEngine
    tenant: str

    @classmethod
    async def open(cls, site: Site) -> Self:
        """On the site's `nexa_cases`, as its app role."""
        tenant = site.tenants[0]
        engine = make_engine(site.database("cases"), pool=1, connect_args={"server_settings": {"nexa.tenant": tenant}})
        floor = cls(engine, tenant)
        for _ in range(20):  # connections and plans are warm before anything is measured
            await floor.commit()
        return floor

    async def commit(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(_INSERT, {"tenant": self.tenant, "key": secrets.token_hex(8)})

    async def close(self) -> None:
        await self.engine.dispose()
