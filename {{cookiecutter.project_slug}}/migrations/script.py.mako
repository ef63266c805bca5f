<%!
def bare(operations):
    """Without the remarks that Alembic puts around them."""
    return "\n".join(line for line in (operations or "").splitlines() if "# ###" not in line).strip() or "pass"
%>\
"""${message.replace("\\", "\\\\").replace('"', '\\"')}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${bare(upgrades)}


def downgrade() -> None:
    ${bare(downgrades)}
