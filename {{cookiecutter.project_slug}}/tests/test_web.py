from flask.testing import FlaskClient


def test_welcome_page_shows_where_the_project_stands(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "{{ cookiecutter.package_name }}" in page
    assert "make newmigration" in page


def test_health(client: FlaskClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "database": "ok"}
