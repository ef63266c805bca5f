"""Files that are written here are formatted by the project's ruff, if it has one."""

import importlib.util

import pytest
import ruff

from flask_safe_migrations.code_style import format_file

UNTIDY = "import sys\nimport os\nx = [sys,os]\n"
TIDY = "import os\nimport sys\n\nx = [sys, os]\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "untidy.py"
    path.write_text(UNTIDY)
    return path


def test_the_program_is_used(file, monkeypatch):
    monkeypatch.setattr("sys.executable", "no-python")
    format_file(file, fix="I")
    assert file.read_text() == TIDY


def test_only_the_layout_where_nothing_is_to_be_fixed(file):
    format_file(file)
    assert file.read_text() == "import sys\nimport os\n\nx = [sys, os]\n"


def test_an_old_release_cannot_say_where_its_program_is(file, monkeypatch):
    monkeypatch.delattr(ruff, "find_ruff_bin")
    format_file(file, fix="I")
    assert file.read_text() == TIDY


def test_the_program_is_in_an_unusual_place(file, monkeypatch):
    def not_found():
        raise FileNotFoundError

    monkeypatch.setattr(ruff, "find_ruff_bin", not_found)
    format_file(file, fix="I")
    assert file.read_text() == TIDY


def test_without_ruff_the_file_stays_as_it_is(file, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    format_file(file, fix="I")
    assert file.read_text() == UNTIDY
