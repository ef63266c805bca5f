"""`python manage.py db upgrade`: the same commands as `flask`, from any directory."""

from flask.cli import FlaskGroup

from {{ cookiecutter.package_name }} import create_app
from {{ cookiecutter.package_name }}.config import load_dotenv


def main() -> None:
    load_dotenv()
    FlaskGroup(create_app=create_app, load_dotenv=False).main()


if __name__ == "__main__":
    main()
