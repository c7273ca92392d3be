"""know parked messages by their content too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("uq_parked_topic_partition_offset", "parked", type_="unique")
    op.create_index("uq_parked_message", "parked", ["topic", "partition", "offset", sa.text("md5(value)")], unique=True)


def downgrade() -> None:
    op.drop_index("uq_parked_message", table_name="parked")
    op.create_unique_constraint("uq_parked_topic_partition_offset", "parked", ["topic", "partition", "offset"])
