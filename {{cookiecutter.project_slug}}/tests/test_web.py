from flask.testing import FlaskClient


def test_welcome_page_shows_where_the_project_stands(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "{{ cookiecutter.package_name }}" in page
    assert "make newmigration" in page


def test_health(client: FlaskClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "database": "ok"}


def test_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "ok"}
    response = client.get("/health/ready")
    assert (response.status_code, response.json) == (200, {"status": "ok", "database": "ok"})
