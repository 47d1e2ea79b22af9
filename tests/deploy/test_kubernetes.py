"""The manifests: valid where Kubernetes says what is, careful, and true to the server's settings."""

import json
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from server.settings import Settings

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "deploy" / "kubernetes" / "vocoder.yaml"
TEXT = FILE.read_text()
RESOURCES = {resource["kind"]: resource for resource in yaml.safe_load_all(TEXT)}


@pytest.fixture
def pod():
    return RESOURCES["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture
def container(pod):
    (container,) = pod["containers"]
    return container


@pytest.mark.parametrize("kind", RESOURCES)
def test_every_resource_is_valid(kind):
    kubernetes_validate.validate(RESOURCES[kind], kubernetes_validate.latest_version(), strict=True)


def test_there_is_what_a_service_needs():
    assert RESOURCES.keys() >= {"Deployment", "Service", "HorizontalPodAutoscaler"}


def test_every_variable_is_a_setting_with_a_good_value(container):
    given = {item["name"]: item["value"] for item in container["env"]}
    names = {f"VOCODER_{name.upper()}": name for name in Settings.model_fields}
    assert given.keys() <= names.keys()
    Settings(**{names[name]: value for name, value in given.items()})


def test_probes_ask_what_the_server_answers(container):
    from server.routes import health

    paths = {route.path for route in health.router.routes}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_a_stop_leaves_time_for_streams(pod, container):
    (_, pause) = container["lifecycle"]["preStop"]["exec"]["command"]
    (grace,) = [int(item["value"]) for item in container["env"] if item["name"] == "VOCODER_SHUTDOWN_TIMEOUT"]
    assert pod["terminationGracePeriodSeconds"] > int(pause) + grace


def test_nothing_runs_with_more_rights_than_it_needs(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    security = container["securityContext"]
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    assert security["capabilities"] == {"drop": ["ALL"]}
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert pod["securityContext"]["runAsUser"] == int(user[1])


def test_the_memory_asked_for_holds_what_was_measured(container):
    (measured,) = json.loads((ROOT / "docs" / "load.json").read_text())["memory"]
    resources = container["resources"]
    asked, most = (_bytes(resources[name]["memory"]) for name in ("requests", "limits"))
    assert 1.25 * measured["after"] < asked
    assert 1.5 * measured["after"] < most
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    assert _bytes(compose["services"]["vocoder"]["mem_reservation"]) == asked


def _bytes(quantity: str) -> float:
    """Of what Kubernetes (1536Mi, 2Gi) and compose (1536m, 2g) write."""
    number, unit = re.fullmatch(r"(\d+)([MG])I?", quantity.upper()).groups()
    return int(number) * 1024 ** " KMG".index(unit)


def test_everything_selects_the_same_pods():
    labels = RESOURCES["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert RESOURCES["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert RESOURCES["Service"]["spec"]["selector"] == labels
    assert RESOURCES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_every_mount_has_its_volume(pod, container):
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
