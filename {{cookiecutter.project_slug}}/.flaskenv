# Read by `flask` and manage.py, so that nothing has to be exported. What the environment says, wins:
# in production set FLASK_DEBUG=0, DATABASE_URL and SECRET_KEY there.
FLASK_APP={{ cookiecutter.package_name }}
FLASK_DEBUG=1
