"""MariaDB: the indexes of a foreign key change, which the server refuses while none is left."""

import re

MODEL = """
class Team(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    code = db.Column(db.String(20), nullable=False{code})
    __table_args__ = ({team})

class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    team_id = db.Column(db.ForeignKey("team.id"){column})
    team_code = db.Column(db.ForeignKey("team.code"))
    number = db.Column(db.Integer)
    __table_args__ = ({person})
"""
START = {"code": ", unique=True", "team": "", "column": ", index=True", "person": ""}
PLAIN = 'db.Index("ix_both", "team_id", "number"),'
UNIQUE = 'db.Index("ix_both", "team_id", "number", unique=True),'
# Each is a change of the one before. Whether the foreign key has to be away is given for the upgrade.
CHANGES = [
    (START, False),
    ({**START, "column": ""}, True),
    ({**START, "column": "", "person": PLAIN}, False),
    ({**START, "column": "", "person": UNIQUE}, True),  # under the same name
    ({**START, "column": ", unique=True"}, False),
    (START, False),
    ({**START, "person": PLAIN}, False),
    ({**START, "column": "", "person": PLAIN}, False),
    # The index of the table that is referred to.
    ({**START, "code": "", "team": 'db.UniqueConstraint("code", name="one"),'}, False),
    ({**START, "code": "", "team": 'db.UniqueConstraint("code", "id", name="one"),'}, True),
]


def definitions(project):
    """Return the lines of both tables, without the index that the server creates for a foreign key."""
    found = [project.sql(f"SHOW CREATE TABLE {table}")[0][1] for table in ("team", "person")]
    lines = {line.rstrip(",") for create in found for line in create.splitlines()}
    return {line for line in lines if not re.match(r"  KEY `fk_\w+`", line)}


def test_indexes_that_a_foreign_key_needs(project_on):
    project = project_on("mariadb")
    before = set()
    for number, (parts, is_away) in enumerate(CHANGES):
        project.models = MODEL.format(**parts)
        out = project.flask("new", "-m", f"change {number}")
        assert "Proved: up, down and up again" in out
        assert ("drops foreign key" in out) == is_away
        project.flask("upgrade")
        assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
        after = definitions(project)
        if before:
            project.flask("downgrade", "--yes")
            assert definitions(project) == before
            project.flask("upgrade")
        before = after
