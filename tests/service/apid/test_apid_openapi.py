# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml is the contract: it names the routes that there are, and the replies are as it says."""

import subprocess

import jsonschema
import pytest
import yaml

from apid_harness import APID, DIGEST, TOP

DOCUMENT = yaml.safe_load((TOP / "docs/openapi.yaml").read_text())
METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


def operations():
    return {(method.upper(), path): item for path, methods in DOCUMENT["paths"].items()
            for method, item in methods.items() if method in METHODS}


def follow(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def validate(document, schema):
    whole = {"components": DOCUMENT["components"], **schema}
    jsonschema.Draft202012Validator.check_schema(whole)
    jsonschema.Draft202012Validator(whole).validate(document)


def check(reply, method, path):
    """`reply` is one that the document lets this operation give."""
    responses = operations()[(method, path)]["responses"]
    response = follow(responses.get(str(reply.status)) or responses["default"])
    if "content" not in response:
        assert reply.body == b""
        return
    (kind, content), = response["content"].items()
    assert reply.headers["Content-Type"].split(";")[0] == kind
    if kind.endswith("json"):
        validate(reply.json, content["schema"])


def test_the_routes_are_the_documents():
    dumped = subprocess.run([APID, "--dump-routes"], capture_output=True, text=True, check=True, timeout=20).stdout
    assert {tuple(line.split()) for line in dumped.splitlines()} == set(operations())


def test_references_lead_somewhere():
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                follow(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(DOCUMENT)


def test_who_may(api):
    """What the document leaves open is open, and nothing else is."""
    for (method, path), operation in operations().items():
        filled = path.replace("{name}", "nobody").replace("{id}", "x").replace("{kind}", "x")
        status = api.call(method, filled, token=None).status
        assert (status == 200) == (operation.get("security") == []), (method, path, status)


def test_replies(api, imaged):
    machine = "/v1/machines/{name}"
    check(api.call("PUT", "/v1/machines/doc", {"interfaces": [{"mac": "52:54:00:dd:00:01"}],
                                               "power": {"driver": "command", "name": "x"}}), "PUT", machine)
    check(api.call("PUT", "/v1/machines/doc", {"arch": 5}), "PUT", machine)
    check(api.call("GET", "/v1/machines/doc"), "GET", machine)
    check(api.call("GET", "/v1/machines"), "GET", "/v1/machines")
    check(api.call("GET", "/v1/machines/none"), "GET", machine)
    made = api.call("POST", "/v1/machines/doc/deployments",
                    {"image": {"url": "oci://h/a:b", "raw_digest": DIGEST}, "vars": {"A": "b"}})
    check(made, "POST", "/v1/machines/{name}/deployments")
    check(api.call("POST", "/v1/machines/doc/deployments", {"image": {"url": "oci://h/a:b"}}), "POST",
          "/v1/machines/{name}/deployments")
    identifier = made.json["id"]
    check(api.call("GET", f"/v1/deployments/{identifier}"), "GET", "/v1/deployments/{id}")
    check(api.call("GET", "/v1/machines/doc/deployments"), "GET", "/v1/machines/{name}/deployments")
    check(api.call("GET", "/v1/machines/doc"), "GET", machine)
    check(api.call("DELETE", f"/v1/deployments/{identifier}"), "DELETE", "/v1/deployments/{id}")
    check(api.call("GET", "/v1/machines/doc/timeline"), "GET", "/v1/machines/{name}/timeline")
    check(api.call("GET", "/v1/machines/doc/log"), "GET", "/v1/machines/{name}/log")
    check(api.call("GET", "/v1/machines/doc/reports/inventory"), "GET", "/v1/machines/{name}/reports/{kind}")
    check(api.call("POST", "/v1/tokens", {"name": "doc", "role": "read"}), "POST", "/v1/tokens")
    check(api.call("GET", "/v1/tokens"), "GET", "/v1/tokens")
    check(api.call("DELETE", "/v1/tokens/doc"), "DELETE", "/v1/tokens/{name}")
    check(api.call("DELETE", "/v1/machines/doc"), "DELETE", machine)
    check(api.call("GET", "/v1/openapi.yaml", token=None), "GET", "/v1/openapi.yaml")


@pytest.mark.parametrize("document,good", [
    ({}, True), ({"arch": "x"}, False), ({"interfaces": [{}]}, False), ({"surprise": 1}, False), ({"labels": {"a": 1}}, False),
    ({"labels": {"a b": ""}}, False), ({"power": {"x": 1}}, False), ({"power": {"driver": "command"}}, True)])
def test_machines_are_taken_and_refused_as_the_document_says(api, document, good):
    try:
        validate(document, {"$ref": "#/components/schemas/MachineWrite"})
        assert good
    except jsonschema.ValidationError:
        assert not good
    assert (api.call("PUT", "/v1/machines/said", document).status < 300) == good
