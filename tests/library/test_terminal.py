"""What a person sees on a terminal: colours, wrapped lines, progress. What a program gets in a pipe."""

import io
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.cli import FlaskGroup
from histories import ENGINES, write_revision
from hypothesis import given
from hypothesis import strategies as st
from recording import Recording, record

from flask_safe_migrations import output
from flask_safe_migrations.backends import client_programs
from flask_safe_migrations.backends.sqlite import files
from flask_safe_migrations.cli.help import plain_text, reflow
from flask_safe_migrations.cli.progress_line import ProgressLine, format_bytes, format_seconds
from flask_safe_migrations.cli.terminal import TerminalReporter
from flask_safe_migrations.errors import MigrationError
from flask_safe_migrations.formatting import (
    ANSI,
    CODE,
    format_sql,
    format_text,
    get_width,
    has_color,
    measure,
)

WIDTHS = [60, 80, 200]
VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS", "CI")
ADVICE = (
    "Warning, drop_column in line 12: the code that runs during the deployment still reads users.phone: run "
    '`flask db new -m "no more phones" --drop users.phone` after /srv/releases/2026-11-29/shop is replaced.'
)
SQL = (
    "  INSERT INTO tags (name, note) VALUES ('it''s a long  literal', `odd name`), (\"x y\", $$a  b$$), (1);"
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "text",
    [
        ADVICE,
        "  adds column users.phone (VARCHAR(30), nullable), refers to organisations.identifier, is unique",
        "✗ every revision runs up, down and up again\n    1babbcfd05f5 leaves an index behind that the "
        "revision before has not had, and a column that is one character longer",
        "Pending   1babbcfd05f5 (add users.phone and a lot of other columns that nobody has asked for)",
        " ".join(["日本語のテーブル"] * 6),
        SQL,
    ],
)
def test_lines_are_wrapped_between_words_and_stay_the_same_text(text: str, width: int) -> None:
    shown = format_text(text, width, color=True)
    plain = ANSI.sub("", shown)
    assert plain == format_text(text, width)  # the colours take no room
    assert re.sub(r"\n +", " ", plain) == re.sub(r"\n +", " ", text)
    kept = re.findall(r"`[^`]+`|'(?:''|[^'])+'|\"[^\"]+\"|\$\$.+?\$\$", text)
    assert all(word in plain for word in kept)
    longest = max(map(measure, [*kept, *re.sub(r"`.*?`", "", text).split()]))
    assert all(measure(line) <= max(width, longest + 10) for line in plain.split("\n"))


def test_what_follows_is_indented_below_what_it_belongs_to() -> None:
    lines = format_text("Pending   1babbcfd05f5 (add users.phone and more columns)", 40).split("\n")
    assert lines == ["Pending   1babbcfd05f5 (add users.phone", "          and more columns)"]
    assert format_text("✓ one two three", 10) == "✓ one two\n  three"
    assert format_text("  adds column users.phone", 20) == "  adds column\n    users.phone"
    assert format_text("Nothing to do at all", 12) == "Nothing to\n  do at all"


def test_code_that_is_proposed_is_left_to_the_terminal() -> None:
    """A terminal that breaks it does not add anything to what is copied."""
    code = '        op.execute("ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_name_not_null")'
    comment = "      # safe: drops customers.name, unused since …"
    text = f"Warning, line 14: drops column customers.name\n    Safer:\n{code}\n{comment}"
    shown = format_text(text, 40, color=True).split("\n")
    assert shown[-2:] == [code, comment] and len(shown) > 4


@pytest.mark.parametrize(
    ("text", "colored"),
    [
        ("✓ there is one head", "\x1b[32m✓\x1b[0m there is one head"),
        ("✗ there is one head", "\x1b[31m\x1b[1m✗\x1b[0m there is one head"),
        ("- the models match", "- the models match"),
        ("Warning: changed", "\x1b[33mWarning\x1b[0m: changed"),
        ("Pending   nothing", "Pending   nothing"),
        ("Pending   one (one)", "\x1b[33mPending\x1b[0m   one (one)"),
        ("  adds column a.b", "  \x1b[32madds\x1b[0m column a.b"),
        ("  drops table a", "  \x1b[31m\x1b[1mdrops\x1b[0m table a"),
        ("  renames table a to b", "  \x1b[33mrenames\x1b[0m table a to b"),
        ("  remove_column a", "  \x1b[31m\x1b[1mremove\x1b[0m_column a"),
        ("drops are rare", "drops are rare"),
        ("run `flask db upgrade` first", "run \x1b[1m`flask db upgrade`\x1b[0m first"),
        ("empty → 3f1d9a62c0b7 (baseline)", "empty → \x1b[36m3f1d9a62c0b7\x1b[0m (baseline)"),
        ("  DROP TABLE a;", "  \x1b[34mDROP\x1b[0m \x1b[34mTABLE\x1b[0m a;"),
    ],
)
def test_what_has_a_meaning_is_coloured(text: str, colored: str) -> None:
    assert format_text(text, color=True) == colored
    assert format_text(text) == text


WORDS = st.sampled_from(
    [
        "SELECT",
        "a",
        ",",
        "'it''s  so'",
        '"x  y"',
        "`a  b`",
        "(1,",
        "2)",
        "$f$ x  y $f$",
        "-- no  more\n",
        "/* a  b */",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=30), st.integers(8, 60))
def test_sql_means_the_same_when_it_is_wrapped(words: list[str], width: int) -> None:
    """Only a space between two words becomes a line break; and never one inside a literal or a comment."""
    sql = " ".join(words)
    wrapped = format_sql(sql, width)
    position = 0
    for word in words:
        position = wrapped.index(word.strip(), position) + len(word.strip())
    assert re.sub(r"\s+", "", wrapped) == re.sub(r"\s+", "", sql)
    assert ANSI.sub("", format_sql(sql, width, color=True)) == wrapped


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_the_environment_decides_about_colours(environment, on_terminal, in_pipe, monkeypatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_color(Terminal()) == on_terminal
    assert has_color(io.StringIO()) == in_pipe


def test_the_width_is_that_of_the_terminal(monkeypatch) -> None:
    assert get_width(io.StringIO()) is None
    assert get_width(Terminal()) == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert get_width(Terminal()) == 132


def test_a_page_is_wrapped_for_a_narrow_terminal() -> None:
    page = plain_text("guide", "flask db")
    narrow = reflow(page, 60)
    words = [word for word in page.split() if word != "|"]
    assert [word for word in narrow.split() if word != "|"] == words
    code = re.findall(r"^```.*?^```$", page, re.MULTILINE | re.DOTALL)
    assert code and all(block in narrow for block in code)
    prose = re.sub(r"^```.*?^```$", "", narrow, flags=re.MULTILINE | re.DOTALL)
    assert all(len(line) <= 60 for line in prose.splitlines())
    assert "\n- **Is it what you meant?** A dropped and an added column\n  where you renamed" in narrow
    assert reflow(page, 200).count("\n") < page.count("\n")


# Progress.


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> tuple[io.StringIO, io.StringIO]:
    """Make standard output and standard error terminals, and return them."""
    streams = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    monkeypatch.setenv("NO_COLOR", "1")
    return streams


def reporter(clock: Clock) -> TerminalReporter:
    made = TerminalReporter({})
    made.progress_line = ProgressLine(clock)
    return made


def test_the_rate_and_the_time_that_is_left() -> None:
    clock = Clock()
    line = ProgressLine(clock)
    line.advance(0, 150, "revisions")
    assert line.describe("one (one)") == "  1/150 one (one)"  # nothing is known yet
    clock.now += 10
    line.advance(50, 150, "revisions")
    assert line.describe("one (one)") == "  51/150 one (one): 5.0/s, 20 s left"
    line.advance(3, 7, "revisions")  # other work
    assert line.rate() == ""
    line.advance(0, 90e6, "bytes")
    clock.now += 2
    line.advance(30e6, 90e6, "bytes")
    assert line.describe("Snapshot") == "  Snapshot: 30 MB of 90 MB, 15 MB/s, 4 s left"
    line.advance(0, 0, "bytes")
    clock.now += 2
    line.advance(1000, 0, "bytes")
    assert line.describe("Snapshot") == "  Snapshot: 1.0 kB, 500 bytes/s"
    line.advance(0, 0, "")
    assert line.describe("Comparing") == "  Comparing"


def test_ctrl_c_while_the_name_of_a_revision_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Terminal):
        def write(self, text: str) -> int:
            written = super().write(text)
            if "add users" in text:
                raise KeyboardInterrupt
            return written

    monkeypatch.setattr(sys, "stdout", Interrupted())
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    monkeypatch.setenv("NO_COLOR", "1")
    made = TerminalReporter({})
    with pytest.raises(KeyboardInterrupt):
        made.step("  1babbcfd05f5 (add users.phone)")
    made.notice("Interrupted")
    assert sys.stdout.getvalue() == "  1babbcfd05f5 (add users.phone)\nInterrupted\n"


@pytest.mark.parametrize("columns", [20, *WIDTHS])
def test_progress_fits_into_one_line(columns: int) -> None:
    clock = Clock()
    line = ProgressLine(clock)
    line.advance(0, 1500, "revisions")
    clock.now += 60
    line.advance(600, 1500, "revisions")
    drawn = line.draw("1babbcfd05f5 (add users.phone), on a shadow database", columns)
    assert measure(drawn) < columns and drawn.startswith("  601/1500")
    assert "10/s, 1 min 30 s left" in drawn or columns == 20
    assert ("[######..........]" in drawn) == (columns == 200)


def test_times_and_sizes_are_for_people() -> None:
    assert [format_seconds(n) for n in (0.2, 59.4, 60, 3599, 3661, 90000)] == [
        "1 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 1 min", "25 h 0 min",
    ]  # fmt: skip
    assert [format_bytes(n) for n in (0, 999, 1000, 25e6, 3e9, 7e15)] == [
        "0 bytes", "999 bytes", "1.0 kB", "25 MB", "3.0 GB", "7000 TB",
    ]  # fmt: skip


def test_progress_is_replaced_by_what_follows(clock, monkeypatch) -> None:
    out, err = use_terminal(monkeypatch)
    shown = reporter(clock)
    shown.progress("one (one)", 0, 2, "revisions")
    assert err.getvalue() == "\r\x1b[K  1/2 one (one)" + " " * 42 + "  [................]"
    shown.progress("one (one)", 0, 2, "revisions")  # the same again: too soon to draw it
    shown.line("done")
    assert err.getvalue().count("\x1b[K") == 2 and err.getvalue().endswith("\r\x1b[K")
    assert out.getvalue() == "done\n"


def test_the_line_of_a_step_shows_what_is_left_until_it_ends(clock, monkeypatch) -> None:
    out, _ = use_terminal(monkeypatch)
    shown = reporter(clock)
    shown.step("  1/4 one (one)", 0, 4)
    shown.step_done(5)
    clock.now += 5
    shown.step("  2/4 two (two)", 1, 4)
    assert out.getvalue().endswith("\n  2/4 two (two)  0.2/s, 15 s left")
    shown.step_done(5)
    assert out.getvalue().endswith("\r\x1b[K  2/4 two (two)  5.00 s\n")
    shown.step("  3/4 three (three)", 2, 4)
    shown.line("from the revision")
    assert out.getvalue().endswith("\r\x1b[K  3/4 three (three)\nfrom the revision\n")


def test_a_dumb_terminal_gets_lines(clock, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out, err = use_terminal(monkeypatch)
    shown = reporter(clock)
    for number in range(4):
        shown.progress("one (one)", number, 4, "revisions")
        shown.step(f"  {number + 1}/4 one (one)", number, 4)
        shown.step_done(1)
        clock.now += 1
    assert "\x1b" not in out.getvalue() + err.getvalue()
    assert "\r" not in out.getvalue() + err.getvalue()
    # After one second, and after two more.
    assert err.getvalue() == "  2/4 one (one): 1.0/s, 3 s left\n  4/4 one (one): 1.0/s, 1 s left\n"


def test_questions_go_to_standard_error(clock, monkeypatch) -> None:
    """So that a person is asked, also if the result goes into a file."""
    out, err = use_terminal(monkeypatch)
    stdin = Terminal("y\nfull_name\n")
    monkeypatch.setattr(sys, "stdin", stdin)
    shown = reporter(clock)
    assert shown.confirm("Replace it?") and shown.prompt("The new name") == "full_name"
    assert out.getvalue() == "" and "Replace it? [y/N]: " in err.getvalue()


def test_a_reporter_of_ones_own_gets_the_numbers(project: Any) -> None:
    class Collect(output.Reporter):
        def progress(self, text: str, done: float = 0, total: float = 0, unit: str = "") -> None:
            calls.append((text, done, total, unit))

    calls: list[Any] = []
    for name in ("one", "two"):
        write_revision(project, name, "def upgrade():\n    pass\ndef downgrade():\n    pass\n")
    from flask_safe_migrations import api

    with project.create_app().app_context(), output.report_to(Collect()):
        api.verify()
    assert ("one (one)", 0, 2, "revisions") in calls and ("two (two)", 1, 2, "revisions") in calls


def test_the_revisions_of_a_shadow_database_are_counted(two: Any, monkeypatch) -> None:
    """`new` builds one, which takes its time with a long history."""
    monkeypatch.setattr(TerminalReporter, "PROGRESS_INTERVAL", 0)
    two.models = ""
    result = two.run("new", "-m", "no tables", "--drop", "customer_organisation_addresses")
    numbers = re.findall(r"^  (\d/\d) \w+ \(\w+\), on a shadow database", result.stderr, re.MULTILINE)
    assert numbers[:2] == ["1/2", "2/2"] and "shadow database (" not in result.stdout


# A real terminal.

TABLES = """
def upgrade():
    op.create_table(
        "customer_organisation_addresses",
        sa.Column("identifier", sa.Integer, primary_key=True),
        sa.Column("description", sa.String(200), server_default="a default with spaces in it"),
        sa.Column("telephone_number_of_the_reception", sa.String(20)),
    )
    op.execute("UPDATE customer_organisation_addresses SET description = 'one  two' WHERE identifier > 0")


def downgrade():
    op.drop_table("customer_organisation_addresses")
"""
MODEL = """
class Address(db.Model):
    __tablename__ = "customer_organisation_addresses"
    identifier = db.Column(db.Integer, primary_key=True)
    description = db.Column(db.String(200), server_default="a default with spaces in it")
"""
DROP = """
def upgrade():
    with op.batch_alter_table("customer_organisation_addresses") as batch_op:
        batch_op.drop_column("telephone_number_of_the_reception")


def downgrade():
    with op.batch_alter_table("customer_organisation_addresses") as batch_op:
        batch_op.add_column(sa.Column("telephone_number_of_the_reception", sa.String(20)))
"""


def show(project: Any, *arguments: str, **options: Any) -> Recording:
    """Run `flask db …` in a terminal, in a copy of this process."""

    def run() -> None:
        FlaskGroup(create_app=project.create_app).main(["db", *arguments], "flask")

    return record(run, **options)


@pytest.fixture
def two(project: Any) -> Any:
    """A project with two revisions, of which one is worth a warning."""
    project.models = MODEL
    write_revision(project, "a1b2c3d4e5f6", TABLES)
    write_revision(project, "b1b2c3d4e5f6", DROP)
    return project


@pytest.mark.parametrize("command", [["new", "--prove"], ["sql"], ["status"], ["verify"]])
def test_a_terminal_shows_what_a_pipe_gets(two: Any, command: list[str]) -> None:
    piped = two.run(*command).stdout
    for width in WIDTHS:
        compare(show(two, *command, columns=width), piped, width)


def compare(shown: Recording, piped: str, width: int) -> None:
    """Both have the same words. The terminal has colours, and no word is cut at its edge."""
    lines = shown.lines
    assert "\x1b[3" in shown.raw.decode()
    assert "".join(" ".join(lines).split()) == "".join(piped.split())
    cut = set(piped.split()) - {word for line in lines for word in line.split()}
    cut -= {word for line in piped.splitlines() if CODE.match(line) for word in line.split()}  # for copying
    assert all(len(word) > width - 10 for word in cut), cut
    assert all(literal in "\n".join(lines) for literal in re.findall(r"`[^`\n]+`|'[^'\n]+'", piped))
    assert (max(map(len, piped.splitlines())) > width) <= (len(lines) > len(piped.splitlines()))


def test_an_error_is_wrapped_and_the_same_in_a_pipe(two: Any) -> None:
    sentence = two.fails("restore", "--yes")
    for width in WIDTHS:
        shown = show(two, "restore", "--yes", columns=width)
        assert shown.code == 1 and shown.raw.startswith(b"\x1b[31m\x1b[1mError\x1b[0m: There is no snapshot")
        assert " ".join(" ".join(shown.lines).split()) == sentence
    assert show(two, "restore", "--yes", env={"NO_COLOR": "1"}).raw.startswith(b"Error: There")


def test_the_progress_of_a_terminal_leaves_no_trace(two: Any) -> None:
    shown = show(two, "verify", columns=60)
    assert b"1/2 a1b2c3d4e5f6 (a1b2c3d4e5f6)" in shown.raw
    assert not [line for line in shown.lines if "1/2" in line or "[" in line]


def test_steps_stand_in_one_line_with_their_time(two: Any) -> None:
    shown = show(two, "upgrade")
    assert re.fullmatch(r"  1/2 a1b2c3d4e5f6 \(a1b2c3d4e5f6\)  \d\.\d\d s", shown.lines[0])
    again = show(two, "upgrade", columns=60)
    assert len(again.lines) > 1 and again.lines[0].startswith("Nothing to do: sqlite:///")


WAITS = """
import time


def upgrade():
    for _ in range(600):  # a signal that comes right before a sleep does not interrupt it
        time.sleep(0.1)
"""


@pytest.mark.parametrize("command", ["upgrade", "verify"])
def test_ctrl_c_leaves_a_clean_line(two: Any, command: str) -> None:
    write_revision(two, "c1b2c3d4e5f6", WAITS)
    shown = show(two, command, typed={b"3/3 \x1b[36mc1" if command == "upgrade" else b"3/3 c1": b"\x03"})
    assert shown.code == 130
    starts = [number for number, line in enumerate(shown.lines) if line.startswith("Error: Interrupted")]
    assert starts, shown.lines
    (error,) = starts
    assert not [line for line in shown.lines[error:] if "^" in line or "[." in line]
    assert not [line for line in shown.lines if "[#" in line]


# A pipe.


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["status"], 0),
        (["sql"], 0),
        (["verify", "--json"], 1),
        (["upgrade"], 0),
        (["backup"], 1),
        (["help", "squash"], 0),
    ],
)
def test_results_go_to_standard_output_and_errors_do_not(
    two: Any, command: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TerminalReporter, "PROGRESS_INTERVAL", 600)  # a slow machine shows progress
    result = two.run(*command)
    assert result.exit_code == code
    assert (result.stderr.startswith("Error: ") and result.stdout == "") or result.stderr == ""
    assert "\x1b" not in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_a_snapshot_reports_how_far_it_is(started, engine, monkeypatch) -> None:
    """At once what it is, in a pipe now and then the size; loading it, the size of the file is known."""
    project = started(engine)
    project.sql("CREATE TABLE big (id INTEGER PRIMARY KEY, text VARCHAR(2000))")
    for start in range(0, 20_000, 5_000):
        rows = ", ".join(f"({n}, '{n:064x}{n * 977:01000x}')" for n in range(start, start + 5_000))
        project.sql(f"INSERT INTO big VALUES {rows}")
    monkeypatch.setattr(TerminalReporter, "PROGRESS_INTERVAL", 0)
    monkeypatch.setattr(client_programs, "PAUSE", 0.01)
    saved = project.run("backup")
    assert re.fullmatch(r"Snapshot: \S+\n", saved.stdout)
    name = "Copying shop_dev.db" if engine == "sqlite" else f"Saving {project.url.rpartition('/')[2]}"
    assert saved.stderr.startswith(f"  {name}\n") and re.search(rf"  {name}: [\d.]+ [kM]B", saved.stderr)
    loaded = project.run("restore", "--yes")
    assert loaded.exit_code == 0 and "Copying" not in loaded.stdout and "Loading" not in loaded.stdout
    name = "Replacing shop_dev.db" if engine == "sqlite" else r"Loading \S+"
    assert re.search(rf"^  {name}: [\d.]+ [kM]B of [\d.]+ [kM]B", loaded.stderr, re.MULTILINE), loaded.stderr
    assert project.sql("SELECT count(*), max(id) FROM big") == [(20_000, 19_999)]


def test_a_copy_of_a_database_that_is_written_to_does_not_begin_again(tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE big AS SELECT zeroblob(50000000)")
        writer.execute("CREATE TABLE log (id INTEGER)")
        steps = []

        class Write(output.Reporter):
            def progress(self, text: str, done: float = 0, total: float = 0, unit: str = "") -> None:
                steps.append(done)
                writer.execute("INSERT INTO log VALUES (1)")

        with output.report_to(Write()):
            files.copy(source, target)
        assert len(steps) > 4 and steps == sorted(steps)
        assert writer.execute("SELECT count(*) FROM log").fetchone() == (len(steps),)
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT count(*) FROM log").fetchone() == (1,)  # the one before it began


def test_a_file_that_another_program_has_locked_is_one_sentence(project: Any, monkeypatch) -> None:
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.1)
    write_revision(project, "one", "def upgrade():\n    pass\n")
    project.flask("upgrade")
    with closing(sqlite3.connect(project.path / "instance" / "shop_dev.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with project.create_app().app_context(), pytest.raises(MigrationError, match="is in use by another"):
            files.copy(project.path / "instance" / "shop_dev.db", project.path / "copy.db")
