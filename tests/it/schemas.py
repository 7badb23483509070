"""Holds JSON files against the schemas of proofs/schemas: the keywords that they use, and no others.

Standard input: [[schema, file], ...]; standard output: for each the first thing wrong, or null.
"""

import json
import pathlib
import re
import sys

SILENT = {"$schema", "$id", "$defs", "title", "description", "then", "else"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def load(folder):
    schemas = [json.loads(path.read_bytes()) for path in sorted(pathlib.Path(folder).glob("*.schema.json"))]
    return {schema["$id"]: schema for schema in schemas}


class Checker:
    def __init__(self, schemas):
        self.schemas = schemas

    def wrong(self, schema, value, root, at):
        if schema is True or schema is False:
            return None if schema else at + ": nothing is allowed"
        for word, rule in schema.items():
            if word not in SILENT:
                found = getattr(self, "_" + word.lstrip("$"))(rule, value, schema, root, at)
                if found:
                    return found
        return None

    def _ref(self, rule, value, _schema, root, at):
        base, _, path = rule.partition("#")
        root = self.schemas[base] if base else root
        target = root
        for part in path.split("/")[1:]:
            target = target[part]
        return self.wrong(target, value, root, at)

    def _type(self, rule, value, *rest):
        is_bool = isinstance(value, bool) and rule != "boolean"
        return None if isinstance(value, TYPES[rule]) and not is_bool else rest[-1] + ": no " + rule

    def _const(self, rule, value, *rest):
        return None if json.dumps(value, sort_keys=True) == json.dumps(rule, sort_keys=True) else rest[-1] + ": another value"

    def _enum(self, rule, value, *rest):
        return None if value in rule else rest[-1] + ": not one of the list"

    def _pattern(self, rule, value, *rest):
        return None if not isinstance(value, str) or re.search(rule.replace("$", r"\Z"), value) else rest[-1] + ": another form"

    def _minLength(self, rule, value, *rest):
        return rest[-1] + ": too short" if isinstance(value, str) and len(value) < rule else None

    def _maxLength(self, rule, value, *rest):
        return rest[-1] + ": too long" if isinstance(value, str) and len(value) > rule else None

    def _minimum(self, rule, value, *rest):
        return rest[-1] + ": too small" if isinstance(value, int) and value < rule else None

    def _maximum(self, rule, value, *rest):
        return rest[-1] + ": too great" if isinstance(value, int) and value > rule else None

    def _minItems(self, rule, value, *rest):
        return rest[-1] + ": too few" if isinstance(value, list) and len(value) < rule else None

    def _maxItems(self, rule, value, *rest):
        return rest[-1] + ": too many" if isinstance(value, list) and len(value) > rule else None

    def _uniqueItems(self, rule, value, *rest):
        texts = [json.dumps(item, sort_keys=True) for item in value] if isinstance(value, list) else []
        return rest[-1] + ": one twice" if rule and len(set(texts)) < len(texts) else None

    def _required(self, rule, value, *rest):
        missing = [name for name in rule if isinstance(value, dict) and name not in value]
        return "%s: %s is missing" % (rest[-1], missing[0]) if missing else None

    def _additionalProperties(self, rule, value, schema, *rest):
        assert rule is False
        unknown = [name for name in value if name not in schema["properties"]] if isinstance(value, dict) else []
        return "%s: %s is unknown" % (rest[-1], unknown[0]) if unknown else None

    def first(self, pairs, root):
        found = (self.wrong(schema, value, root, at) for schema, value, at in pairs)
        return next((one for one in found if one), None)

    def _properties(self, rule, value, _schema, root, at):
        known = [name for name in rule if isinstance(value, dict) and name in value]
        return self.first([(rule[name], value[name], "%s.%s" % (at, name)) for name in known], root)

    def _prefixItems(self, rule, value, _schema, root, at):
        items = value if isinstance(value, list) else []
        return self.first([(one, item, "%s[%d]" % (at, i)) for i, (one, item) in enumerate(zip(rule, items))], root)

    def _items(self, rule, value, _schema, root, at):
        items = value if isinstance(value, list) else []
        return self.first([(rule, item, "%s[%d]" % (at, i)) for i, item in enumerate(items)], root)

    def _oneOf(self, rule, value, _schema, root, at):
        found = [self.wrong(one, value, root, at) for one in rule]
        return None if found.count(None) == 1 else "%s: %s" % (at, "; ".join(one for one in found if one) or "several")

    def _if(self, rule, value, schema, root, at):
        branch = "else" if self.wrong(rule, value, root, at) else "then"
        return self.wrong(schema.get(branch, True), value, root, at)

    def _allOf(self, rule, value, _schema, root, at):
        return self.first([(one, value, at) for one in rule], root)


checker = Checker(load(sys.argv[1]))
answers = []
for name, file in json.load(sys.stdin):
    schema = checker.schemas["urn:cqo-ledger:schema:" + name]
    answers.append(checker.wrong(schema, json.loads(pathlib.Path(file).read_bytes()), schema, "$"))
json.dump(answers, sys.stdout)
