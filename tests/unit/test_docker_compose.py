"""docker-compose.yml and the Dockerfile, as far as they can be judged without a container engine."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch

import pytest
import typer
import yaml

from engine.cli.main import app
from engine.config import Settings
from engine.extras import EXTRA_OF
from tests.services.kafka_jars import VERSION
from tests.support.compose import COMPOSE, ROOT, SERVICES, arguments, dockerfile, health_command

OURS = [name for name, service in SERVICES.items() if "build" in service]
ALL = pytest.mark.parametrize("name", SERVICES)


def test_compose_takes_the_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@ALL
def test_every_image_is_pinned_to_a_release(name: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+$", SERVICES[name]["image"])


def test_the_broker_is_the_one_the_tests_run() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{VERSION}"


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_commands_that_engine_knows(name: str) -> None:
    command, words = typer.main.get_command(app), list(SERVICES[name]["command"])
    context = command.make_context("engine", [], resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        _, command, words = command.resolve_command(context, words)
    command.make_context(command.name, words)  # refuses options it does not know


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_settings_that_exist(name: str) -> None:
    fields = {f"ENGINE_{field.upper()}" for field in Settings.model_fields}
    assert SERVICES[name]["environment"].keys() <= fields


@ALL
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        match wait["condition"]:
            case "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            case "service_completed_successfully":
                assert SERVICES[other].get("restart", "no") == "no"
            case condition:
                assert condition == "service_started"


@ALL
def test_volumes_are_declared_or_files_of_the_checkout(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source, target = volume.split(":")[:2]
        assert (ROOT / source).exists() if source[0] == "." else source in COMPOSE["volumes"]
        assert target.startswith("/")


def test_every_volume_is_used_once() -> None:
    used = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    assert sorted(volume for volume in used if volume[0] != ".") == sorted(COMPOSE["volumes"])


def test_ports_are_for_this_machine_alone_and_nobody_elses() -> None:
    ports = [port.split(":") for service in SERVICES.values() for port in service.get("ports", ())]
    assert {address for address, _, _ in ports} == {"127.0.0.1"}
    assert len({outside for _, outside, _ in ports}) == len(ports)


def test_addresses_lead_to_services_of_the_file() -> None:
    for name in OURS:
        environment = SERVICES[name]["environment"]
        places = [
            *environment["ENGINE_KAFKA_BOOTSTRAP"].split(","),
            *re.findall(r"//([^/]+)", environment["ENGINE_STORE"]),
            *re.findall(r"//([^/]+)", environment.get("ENGINE_EMAIL_URL", "")),
        ]
        assert {place.split(":")[0] for place in places} <= SERVICES.keys()


def test_the_broker_listens_where_it_says_it_does() -> None:
    kafka = SERVICES["kafka"]["environment"]
    listens = dict(re.findall(r"(\w+)://:(\d+)", kafka["KAFKA_LISTENERS"]))
    assert listens.keys() == dict(re.findall(r"(\w+):(\w+)", kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"])).keys()
    advertised = re.findall(r"(\w+)://(\w+):(\d+)", kafka["KAFKA_ADVERTISED_LISTENERS"])
    assert {name: port for name, _, port in advertised} == {k: v for k, v in listens.items() if k != "CONTROLLER"}
    assert ("INSIDE", *SERVICES["worker"]["environment"]["ENGINE_KAFKA_BOOTSTRAP"].split(":")) in advertised
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{listens['OUTSIDE']}:{listens['OUTSIDE']}"]


def test_the_store_keeps_what_it_has_taken() -> None:
    command = SERVICES["valkey"]["command"]
    given = dict(zip(command[1::2], command[2::2], strict=True))
    assert given["--appendonly"] == "yes"
    assert given["--appendfsync"] == "everysec"
    assert given["--maxmemory-policy"] == "noeviction"


def test_links_in_mail_lead_to_who_knows_them() -> None:
    sender, web = (SERVICES[name]["environment"] for name in ("sender", "web"))
    for name in ("ENGINE_PUBLIC_URL", "ENGINE_TOKEN_SECRET"):
        assert sender[name] == web[name]
    (port,) = SERVICES["web"]["ports"]
    assert port.endswith(f":{Settings.model_fields['web_port'].default}")
    assert sender["ENGINE_PUBLIC_URL"] == f"http://localhost:{port.split(':')[1]}"


def test_prometheus_asks_every_process_of_ours_where_it_answers() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"][0]["dns_sd_configs"][0]
    assert scraped["names"] == [name for name in OURS if "expose" in SERVICES[name]] == ["worker", "sender", "web"]
    for name in scraped["names"]:
        assert scraped["port"] == Settings.model_fields["http_port"].default == int(SERVICES[name]["expose"][0])


# --- the Dockerfile


def test_the_final_image_runs_as_nobody_special() -> None:
    assert arguments(-1, "USER") == [["10001"]]
    made = " ".join(word for run in arguments(-1, "RUN") for word in run)
    assert "useradd --uid 10001" in made


def test_compilers_stay_in_the_stage_that_builds() -> None:
    build, final = dockerfile()
    assert build[0] == ("FROM", ["python:3.13-slim", "AS", "build"])
    assert final[0] == ("FROM", ["python:3.13-slim"])
    assert not re.search(r"\b(apt-get|gcc|pip)\b", " ".join(word for _, rest in final for word in rest))
    assert ["--from=build", "/opt/engine", "/opt/engine"] in arguments(-1, "COPY")


def test_the_image_has_the_versions_that_were_tested() -> None:
    installs = [run for run in arguments(0, "RUN") if "install" in run and "pip" in run]
    assert [run[run.index("--constraint") + 1] for run in installs] == ["constraints.txt"]


def test_an_operator_can_run_every_command_in_the_image() -> None:
    words = " ".join(word for run in arguments(0, "RUN") for word in run)
    (installed,) = re.findall(r"'\.\[(.+)\]'", words)
    assert {*installed.split(",")} == {*EXTRA_OF.values()} - {"faust"}


def test_everything_the_image_is_built_from_is_there_and_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = {word for copy in arguments(0, "COPY") for word in copy[:-1]}
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)
    assert not any(fnmatch(name, "*.key") for name in copied)


def test_the_image_has_the_examples_that_engine_init_offers() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {word for copy in arguments(0, "COPY") for word in copy[:-1]}
    assert set(wheel["only-include"]) <= copied


def test_the_image_runs_engine_and_says_whether_it_is_ready() -> None:
    assert arguments(-1, "ENTRYPOINT") == [["engine"]]
    assert arguments(-1, "CMD") == [["run"]]
    assert "/readyz" in health_command()[-1]
