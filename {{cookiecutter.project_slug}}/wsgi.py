"""What a web server starts: `gunicorn`, whose settings stand in gunicorn.conf.py, or any other for WSGI."""

import sys

from {{ cookiecutter.package_name }} import create_app, production
from {{ cookiecutter.package_name }}.errors import SetupError

try:
    app = create_app()
    production.check_served(app)
except SetupError as error:
    sys.exit(f"Error: {error.message}")
