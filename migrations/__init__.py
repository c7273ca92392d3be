"""The histories of all schemas: one alembic environment, one history and one version table per schema."""
