"""docs/tutorial.md of a generated project, followed word for word."""

import pytest
from pages import Reader, under_git
from project import ENGINES, Bake


@pytest.mark.parametrize("engine", ENGINES)
def test_X3_X4_the_tutorial_word_for_word(on: Bake, request: pytest.FixtureRequest, engine: str) -> None:
    project = under_git(on(engine))
    page = project.path / "docs" / "tutorial.md"
    production = page.read_text().partition('DATABASE_URL = "')[2].partition('"')[0]

    def spelled(text: str) -> str:
        """The reader's server is another one than the page's, and so is the password."""
        if engine == "sqlite":
            return text
        name = project.url.rpartition("/")[2].removesuffix("_dev")
        return text.replace(production, request.getfixturevalue(engine).url(name))

    assert Reader(project, spelled).follow(page) >= 15
    # The tour ends where it began, and production has what was made.
    assert project.run("git", "status", "--porcelain").out == ""
    assert project.make("status").out.endswith("Pending   nothing\n")
    project.env["DATABASE_URL"] = spelled(production).replace("///", f"///{project.path}/")
    assert project.sql("SELECT count(*) FROM addresses WHERE postcode = '10115'") == [(0,)]


def test_X3_the_tutorial_without_example_models(bake: Bake) -> None:
    """Such a project makes its first table itself; from there on all is the same."""
    project = bake(example_models=False)
    Reader(project).follow(project.path / "docs" / "tutorial.md", until="## 3.")
    assert project.sql("SELECT name, place FROM users JOIN addresses ON user_id = users.id") == [
        ("Grace", "10115 Berlin")
    ]
