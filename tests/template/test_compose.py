"""compose.yaml: there is no container engine here, so it is held against the schema of such files."""

import json
import subprocess
import sys

import pytest
import yaml
from project import Bake, BakedProject


def check(*files: str) -> subprocess.CompletedProcess[str]:
    """check-jsonschema carries the schema of the Compose specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_X1_compose_has_the_server_and_a_viewer_on_18080(render: Bake, engine: str) -> None:
    project = render(database=engine)
    path = project.path / "compose.yaml"
    result = check(str(path), str(project.path / ".devcontainer" / "compose.yaml"))
    assert result.returncode == 0, result.stdout
    content = yaml.safe_load(path.read_text())
    services = content["services"]
    assert services["viewer"]["ports"] == ["127.0.0.1:18080:8080"]
    assert services["viewer"]["depends_on"]["database"] == {"condition": "service_healthy"}
    for service in (services["database"], services["viewer"]):
        assert service["healthcheck"]["test"][0] == "CMD"
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    (volume,) = services["database"]["volumes"]
    assert volume.partition(":")[0] in content["volumes"]
    assert (
        volume.partition(":")[2]
        == {
            "postgresql": "/var/lib/postgresql",  # since the image of 18, the folder above the data
            "mariadb": "/var/lib/mysql",
        }[engine]
    )
    # The way in that the file tells, and the one that the application takes.
    assert f"db={project.package}_dev" in path.read_text()
    assert f"/{project.package}_dev" in config_url(project)


def config_url(project: BakedProject) -> str:
    text = (project.path / project.package / "config.py").read_text()
    return text.partition('DEFAULT_DATABASE_URL = "')[2].partition('"')[0]


def test_X1_a_mistake_in_it_would_be_noticed(render: Bake) -> None:
    path = render(database="mariadb").path / "compose.yaml"
    content = yaml.safe_load(path.read_text())
    content["services"]["viewer"]["port"] = content["services"]["viewer"].pop("ports")
    path.write_text(json.dumps(content))
    assert "'port' was unexpected" in check(str(path)).stdout
