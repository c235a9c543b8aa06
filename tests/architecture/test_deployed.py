"""What the gateway, the images and docker-compose.yml say of the services is what the services say of themselves."""

import re
from pathlib import Path

import pytest
import yaml

from all_in_one.assembly import services
from all_in_one.dispatch import HOME

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
CADDYFILE = (ROOT / "deploy" / "gateway" / "Caddyfile").read_text(encoding="utf-8")
NAMES = [service.name for service in services()]


def test_the_gateway_sends_each_address_to_the_service_that_serves_it():
    routed = {
        name: set(paths.split()) for name, paths in re.findall(r"^\s*@([a-z-]+) path (/.+)$", CADDYFILE, re.MULTILINE)
    }
    wanted = {
        service.name: {f"/{service.name}/*", *service.paths, *(f"{path}/*" for path in service.paths)}
        for service in services()
        if service.name != HOME
    }
    assert routed == wanted, "deploy/gateway/Caddyfile routes what Service.paths says; intake has all the rest"


def test_each_service_and_the_tools_are_built_from_the_one_dockerfile():
    built = {name: each["build"]["args"]["SERVICE"] for name, each in COMPOSE["services"].items() if "build" in each}
    assert built == {name: name for name in NAMES} | {"set-up": "tools", "tools": "tools"}
    assert {each["build"]["dockerfile"] for each in COMPOSE["services"].values() if "build" in each} == {
        "deploy/docker/Dockerfile"
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_service_is_given_its_own_database_its_own_role_and_may_write_nothing_else(name):
    each = COMPOSE["services"][name]
    role = name.replace("-", "_")

    assert each["read_only"] is True
    assert "secrets:/secrets:ro" in each["volumes"]
    assert re.fullmatch(
        rf"postgresql\+psycopg://{role}:.+@postgres/{role}", each["environment"]["FRONTDOOR_DATABASE_URL"]
    )
    assert re.fullmatch(rf"postgresql\+psycopg://{role}:.+@postgres/keys", each["environment"]["FRONTDOOR_KEYS_URL"])


def test_whoever_stops_a_service_waits_longer_than_it_may_take():
    from frontdoor.alone import GRACE  # noqa: PLC0415  a process alone is for those who ask
    from frontdoor.delivery.kafka import STOP_WITHIN  # noqa: PLC0415

    grace = {COMPOSE["services"][name]["stop_grace_period"] for name in NAMES}
    assert {int(each.removesuffix("s")) for each in grace} == {45}
    assert GRACE + STOP_WITHIN < 45


def test_the_images_take_packages_with_the_same_uv_as_the_makefile():
    wanted = re.search(r"^UV_VERSION := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert wanted
    assert f"uv=={wanted[1]} " in DOCKERFILE or f"uv=={wanted[1]}\n" in DOCKERFILE
