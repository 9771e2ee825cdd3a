"""The clients that speak GraphQL: 0.14, 0.15 and 1.4, their command lines and their agents."""

from common import Client, check, scenario

CLIENTS = {"0.14.22": "prefect-0.14", "0.15.13": "prefect-0.15", "1.4.1": "prefect-1.4"}


@scenario
def they_are_what_they_should_be():
    for version, installed in CLIENTS.items():
        said = Client(installed).run("version")
        check(f"prefect {version} starts", said.out.strip() == version, said)
