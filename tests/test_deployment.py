"""What is deployed: images without root, a compose file whose parts exist, a dashboard whose metrics exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tamis.service.indexes import Indexes
from tamis.service.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def compose() -> Any:
    """The compose file, with its anchors resolved."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


SERVICE_KEYS = {
    "restart", "read_only", "tmpfs", "cap_drop", "security_opt", "environment", "secrets", "volumes", "ports",
    "networks", "stop_grace_period", "profiles", "image", "build", "deploy", "command", "depends_on", "user",
}  # fmt: skip
"""Those of the compose specification that the file uses; the specification's own JSON schema is not at hand here."""


def test_the_compose_file_has_the_structure_of_the_specification(compose: Any) -> None:
    assert {key for key in compose if not key.startswith("x-")} <= {"services", "secrets", "volumes", "networks"}
    for name, service in compose["services"].items():
        assert service.keys() <= SERVICE_KEYS, name
        assert "image" in service or "build" in service
        assert all(re.fullmatch(r"(127\.0\.0\.1:)?\d+:\d+", port) for port in service["ports"])
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())
        assert set(service.get("secrets", ())) <= compose["secrets"].keys()
        for volume in service.get("volumes", ()):
            if isinstance(volume, dict):
                assert volume.keys() >= {"type", "source", "target"} and volume["type"] in ("bind", "volume", "tmpfs")
            else:
                assert 2 <= len(volume.split(":")) <= 3
        for other in service.get("depends_on", ()):
            assert other in compose["services"]


def test_profiles_and_their_services(compose: Any) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items()}
    expected = {"tamis": ["cpu"], "tamis-gpu": ["gpu"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}
    assert profiles == expected


def test_services_are_locked_down_and_local(compose: Any) -> None:
    for service in compose["services"].values():
        assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for name in ("tamis", "tamis-gpu"):
        service = compose["services"][name]
        assert service["read_only"] is True and service["volumes"][0]["read_only"] is True
        assert service["environment"]["TAMIS_API_KEY_FILE"] == "/run/secrets/tamis_api_key"
        assert "tamis_api_key" in service["secrets"] and "tamis_api_key" in compose["secrets"]


def test_every_file_that_is_mounted_is_there(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0] if isinstance(volume, str) else ""
            assert not source.startswith("./") or (ROOT / source).exists(), source
            assert source.startswith("./") or not source or source in compose["volumes"]


def test_the_images_have_the_targets_and_no_root(compose: Any) -> None:
    """Each target that compose builds is a stage, and each stage that runs ends as another user than root."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S))
    for name in ("tamis", "tamis-gpu"):
        stage = stages[compose["services"][name]["build"]["target"]]
        assert re.findall(r"^USER (\S+)", stage, re.M) == ["10001"]
        assert "HEALTHCHECK" in stage and 'ENTRYPOINT ["tamis"]' in stage
    for stage in re.findall(r"--from=(\S+)", text):
        assert stage in stages
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for link in (ROOT / "src" / "tamis").iterdir():
        assert not link.is_symlink() or f"!{link.name}" in ignored


def test_the_dashboard_shows_metrics_that_exist() -> None:
    from prometheus_client import generate_latest

    families = text_string_to_metric_families(generate_latest(Metrics(Indexes({})).registry).decode())
    known = {family.name for family in families}
    dashboard = orjson.loads((ROOT / "deploy/grafana/dashboards/tamis.json").read_bytes())
    used = {name for panel in dashboard["panels"] for target in panel["targets"]
            for name in re.findall(r"tamis_\w+", target["expr"])}  # fmt: skip
    assert len(used) > 10
    assert {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in used} <= known
    documented = (ROOT / "docs/operations.md").read_text()
    assert [name for name in known if not name.endswith("_created") and name not in documented] == []


def test_prometheus_finds_the_service_with_its_key(compose: Any) -> None:
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["tamis:8080"]}]
    assert job["authorization"]["credentials_file"] == "/run/secrets/tamis_api_key"
    assert compose["services"]["tamis-gpu"]["networks"]["default"]["aliases"] == ["tamis"]


def test_the_unit_runs_without_root_and_reloads() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((ROOT / "deploy/tamis.service").read_text())
    service = unit["Service"]
    assert service["DynamicUser"] == "yes" and service["CapabilityBoundingSet"] == ""
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
