"""The JSON Schema for editors says what the parser says, as far as a schema can.

In:    etc/tenantd.schema.json, the parser's own cases in tests/data/manifest.
Out:   every good file is valid; every bad one that breaks a rule of form is not.
Never: the daemon; what only the parser can see (YAML itself, doubles, rules between fields) is its own tests'.
"""

import json
import pathlib

import jsonschema
import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parent / "data" / "manifest"
SCHEMA = json.loads((HERE.parent.parent / "etc" / "tenantd.schema.json").read_text())


class Loader(yaml.BaseLoader):
    """Scalars are typed as the parser types them: true, false and decimal integers, else text."""


def construct_scalar(loader, node):
    text = loader.construct_scalar(node)
    if node.style is None and text in ("true", "false"):
        return text == "true"
    if node.style is None and text.isdecimal() and text.isascii():
        return int(text)
    return text


Loader.add_constructor("tag:yaml.org,2002:str", construct_scalar)


def documents(folder):
    for path in sorted((CASES / folder).glob("*.*")):
        if path.suffix in (".yaml", ".yml", ".json"):
            yield path


def keys_as_text(value):
    """A key is a name whatever it looks like."""
    if isinstance(value, dict):
        return {json.dumps(k) if not isinstance(k, str) else k: keys_as_text(v) for k, v in value.items()}
    return [keys_as_text(v) for v in value] if isinstance(value, list) else value


def is_valid(path):
    document = keys_as_text(yaml.load(path.read_bytes(), Loader))
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize("path", documents("good"), ids=lambda p: p.name)
def test_a_good_file_is_valid(path):
    assert is_valid(path)


def has_unknown_key(path):
    expect = path.with_suffix(".expect")
    try:
        yaml.load(path.read_bytes(), Loader)
    except yaml.YAMLError:
        return False
    return expect.exists() and "unknown key" in expect.read_text()


UNKNOWN = [path for path in documents("bad") if has_unknown_key(path)]


@pytest.mark.parametrize("path", UNKNOWN, ids=lambda p: p.name)
def test_an_unknown_key_is_not_valid(path):
    assert not is_valid(path)


def test_there_are_cases():
    assert len(UNKNOWN) >= 5
