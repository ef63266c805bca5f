from flask.testing import FlaskClient


def test_health(client: FlaskClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "database": "ok"}


def test_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "ok"}
    response = client.get("/health/ready")
    assert (response.status_code, response.json) == (200, {"status": "ok", "database": "ok"})


def test_errors_are_pages_or_json(client: FlaskClient) -> None:
    page = client.get("/nothing-here", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<h1>Not Found</h1>" in page.text
    answer = client.get("/nothing-here", headers={"Accept": "application/json"})
    assert answer.get_json()["error"] == "Not Found"
