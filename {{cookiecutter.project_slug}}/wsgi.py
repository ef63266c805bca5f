"""What a web server starts: `gunicorn`, whose settings stand in gunicorn.conf.py, or any other for WSGI."""

import sys
from logging.config import dictConfig

from {{ cookiecutter.package_name }} import create_app, logs, production
from {{ cookiecutter.package_name }}.errors import SetupError

try:
    dictConfig(logs.config())
    app = create_app()
    production.check_served(app)
except SetupError as error:
    sys.exit(f"Error: {error.message}")
