"""What ours is measured beside: the least that could do the work, and what most would write."""

import hashlib
import os
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlmodel import JSON, Column, Field, SQLModel
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

URL = os.environ.get("BENCH_DATABASE", "postgresql://localhost/bench")
TABLES = """
create table if not exists idem (key text primary key, reference text not null);
create table if not exists elog (
  seq bigserial primary key, event text not null, hash bytea not null, at timestamptz not null
);
create table if not exists referral (reference text primary key, body text not null, at timestamptz not null);
"""
ONE_STATEMENT = """
with i as (insert into idem values ($1, $2) on conflict do nothing returning 1),
     e as (insert into elog (event, hash, at) select $3, $4, $5 from i returning seq),
     r as (insert into referral select $2, $3, $5 from i)
select pg_notify('elog', seq::text) from e
"""


# --- the least: Starlette and asyncpg, one statement ------------------------------------------------------------------


@asynccontextmanager
async def _pool(app):
    async with asyncpg.create_pool(URL, min_size=8, max_size=16) as app.state.pool:
        await app.state.pool.execute(TABLES)
        yield


async def _accept(request):
    body, reference = await request.body(), uuid.uuid4().hex[:10]
    values = request.headers["idempotency-key"], reference, body.decode(), hashlib.sha256(body).digest()
    await request.app.state.pool.fetch(ONE_STATEMENT, *values, datetime.now(UTC))
    return JSONResponse({"reference": reference, "status": "received"}, 201)


least = Starlette(routes=[Route("/api/referrals", _accept, methods=["POST"])], lifespan=_pool)
"""Takes anything, checks nothing: idempotency key, event with hash, referral and notification in one round trip."""


# --- what most would write: FastAPI and SQLModel's ORM ---------------------------------------------------------------


class Referral(SQLModel, table=True):
    """A form as it came."""

    __tablename__ = "orm_referral"
    reference: str = Field(primary_key=True)
    body: dict = Field(sa_column=Column(JSON))
    at: str


class Outbox(SQLModel, table=True):
    """What is to be said of it."""

    __tablename__ = "orm_outbox"
    id: int | None = Field(default=None, primary_key=True)
    reference: str
    body: dict = Field(sa_column=Column(JSON))


class Form(BaseModel):
    """The parts of a form that are looked at."""

    child: dict
    contacts: list[dict] = []
    needs: list[dict] = []
    concern: str = ""
    consent: dict


@asynccontextmanager
async def _engine(app):
    app.state.engine = create_async_engine(URL.replace("postgresql:", "postgresql+asyncpg:"), pool_size=16)
    async with app.state.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield
    await app.state.engine.dispose()


usual = FastAPI(lifespan=_engine)
"""A form as a Pydantic model, a row and an outbox row through the ORM."""


@usual.post("/api/referrals", status_code=201)
async def accept(form: Form):
    """Keep a form."""
    reference, body = uuid.uuid4().hex[:10], form.model_dump()
    async with AsyncSession(usual.state.engine) as session, session.begin():
        session.add(Referral(reference=reference, body=body, at=datetime.now(UTC).isoformat()))
        session.add(Outbox(reference=reference, body=body))
    return {"reference": reference, "status": "received"}
