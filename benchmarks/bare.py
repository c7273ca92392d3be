"""The baseline of `POST /api/patients`: a bare Flask view that inserts the same fields with SQLAlchemy."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, jsonify, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from sqlalchemy import JSON, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from patient_service.settings import Settings


class Tables(DeclarativeBase):
    """The base class of the only table."""


class BarePatient(Tables):
    """A patient stored in the simplest way: every field unencrypted, no event, no checks."""

    __tablename__ = "bare_patients"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    first_name: Mapped[str]
    last_name: Mapped[str]
    date_of_birth: Mapped[date | None]
    gender: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    email: Mapped[str | None]
    insurance_type: Mapped[str | None]
    max_distance_km: Mapped[float | None]
    diagnoses: Mapped[Any] = mapped_column(JSON)
    availability: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def create() -> Flask:
    """Returns the bare application, on the same PgBouncer with the same pool."""
    settings = Settings()
    engine = create_engine(settings.database_url, pool_size=2 * settings.database_pool_size, max_overflow=0)
    app = Flask(__name__)

    @app.post("/patients")
    def register() -> Any:
        fields = request.get_json()
        fields["date_of_birth"] = date.fromisoformat(fields["date_of_birth"])
        with Session(engine, expire_on_commit=False) as session:
            patient = BarePatient(**fields)
            session.add(patient)
            session.commit()
            return jsonify(id=str(patient.id), **request.get_json()), 201

    return app


class BareServer(BaseApplication):  # type: ignore[misc]
    """gunicorn with its own threads, as many as our web processes have."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        settings = Settings()
        for name, value in {
            "bind": f"127.0.0.1:{self.port}",
            "workers": settings.web_processes,
            "worker_class": "gthread",
            "threads": settings.web_threads,
            "keepalive": 75,
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create()


if __name__ == "__main__":
    BareServer(int(sys.argv[1])).run()
