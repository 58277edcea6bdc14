"""test_schema: the JSON Schema for editors says what the parser says, as far as a schema can.

In:    etc/tenantd.schema.json, and the parser's own cases in tests/data/manifest.
Out:   every good file is valid, every bad one is not; those that a schema cannot tell are listed here with
       the reason, and each of them must really be one.
Never: the daemon, or a second list of cases.
"""

import json
import os
import pathlib
import re

import jsonschema
import pytest
import yaml

SOURCE = pathlib.Path(os.environ.get("TENANTD_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
CASES = SOURCE / "tests" / "data" / "manifest"
SCHEMA = json.loads((SOURCE / "etc" / "tenantd.schema.json").read_text())

DOUBLES = "a mapping loaded into memory has each key once"
SILENT = "YAML takes it silently; what was loaded looks like any other value"
CALENDAR = "a pattern knows no calendar"
ELSEWHERE = "a value can be compared with a key only by tenantd"
DOLLAR = "the $ of Python's patterns, unlike that of a schema's, also stands before a last line break"
BY_NAME = "a key that is null is the text null by the time a schema sees it"

INEXPRESSIBLE = {
    "005-utf16-little-endian": SILENT,
    "006-utf16-big-endian": SILENT,
    "019-anchor-on-mapping": SILENT,
    "020-anchor-on-text": SILENT,
    "021-tag-of-yaml": SILENT,
    "022-tag-of-somebody": SILENT,
    "023-tag-on-list": SILENT,
    "024-tag-directive": SILENT,
    "032-line-break-in-text": DOLLAR,
    "051-root-key-twice": DOUBLES,
    "070-name-is-null": BY_NAME,
    "077-database-twice": DOUBLES,
    "078-database-three-times": DOUBLES,
    "079-group-twice": DOUBLES,
    "080-class-twice": DOUBLES,
    "081-residency-twice": DOUBLES,
    "082-token-twice": DOUBLES,
    "083-field-twice": DOUBLES,
    "084-field-twice-in-json": DOUBLES,
    "233-api-token-twice": DOUBLES,
    "238-member-twice": DOUBLES,
    "148-seed-of-itself": ELSEWHERE,
    "151-seed-timestamp-no-such-day": CALENDAR,
}


class Loader(yaml.BaseLoader):
    """Unquoted scalars are null, true, false or decimal integers where they read so; all others are text."""

    def construct_scalar(self, node):
        text = super().construct_scalar(node)
        if not isinstance(node, yaml.ScalarNode) or node.style is not None:
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "false"):
            return text == "true"
        return int(text) if re.fullmatch("-?(0|[1-9][0-9]*)", text) else text

    def construct_mapping(self, node, deep=False):
        """A key is the text that it was written as."""
        return {
            key.value if isinstance(key, yaml.ScalarNode) else self.construct_object(key, deep=True):
                self.construct_object(value, deep=True)
            for key, value in node.value
        }

    def construct_object(self, node, deep=False):
        if isinstance(node, yaml.ScalarNode):
            return self.construct_scalar(node)
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        return [self.construct_object(item, deep=True) for item in node.value]


def files(folder):
    found = sorted(path for path in (CASES / folder).iterdir() if path.suffix in (".yaml", ".json"))
    assert found, folder
    return found


def load(path):
    """The document, or None where the file holds none that a schema could look at."""
    try:
        return yaml.load(path.read_bytes(), Loader)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError):
        return None  # no YAML, or a key that is a mapping


def is_valid(path):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(load(path))


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def test_the_schema_itself_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@named(files("good") + files("good_tenants") + [SOURCE / "etc" / "manifest.d" / "example.yaml"])
def test_a_good_file_is_valid(path):
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(load(path)))
    assert not errors, errors[0].message


@named([path for path in files("bad") if path.stem not in INEXPRESSIBLE])
def test_a_bad_file_is_not_valid(path):
    assert not is_valid(path)


@named([path for path in files("bad") if path.stem in INEXPRESSIBLE])
def test_what_is_said_to_be_beyond_a_schema_is_so(path):
    assert is_valid(path), "the schema refuses it: take it off the list"


def test_the_examples_in_the_documentation_are_valid():
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (SOURCE / "docs" / "manifest.md").read_text(), re.S | re.M)
    assert blocks
    for block in blocks:
        jsonschema.Draft202012Validator(SCHEMA).validate(yaml.load(block, Loader))


def test_the_list_of_what_is_beyond_names_files_that_are_there():
    assert set(INEXPRESSIBLE) <= {path.stem for path in files("bad")}


def keys_of_parser(what):
    """The keys that the parser says it expects in a mapping, as some case shows them."""
    for path in CASES.glob("bad/*.expect"):
        found = re.search(rf"unknown key .* in {what}(?: \(.*\))?; expected one of (.*)", path.read_text())
        if found:
            return set(found[1].split(", "))
    raise AssertionError(f"no case of an unknown key in {what}")


@pytest.mark.parametrize(("what", "definition"), [
    ("a manifest", SCHEMA),
    ("a group", SCHEMA["$defs"]["group"]),
    ("a residency", SCHEMA["$defs"]["residency"]),
    ("a database", SCHEMA["$defs"]["database"]),
    ("a token", SCHEMA["$defs"]["token"]),
    ("a seed", SCHEMA["$defs"]["database"]["properties"]["seed"]),
    ("a permission", SCHEMA["$defs"]["token"]["properties"]["permissions"]["items"]),
])
def test_the_keys_are_those_of_the_parser(what, definition):
    assert set(definition["properties"]) == keys_of_parser(what)


def test_a_class_has_the_keys_that_the_parser_gives_it():
    refused = {key for key, value in SCHEMA["$defs"]["class"]["properties"].items() if value is False}
    assert set(SCHEMA["$defs"]["database"]["properties"]) - refused == keys_of_parser("a class")
