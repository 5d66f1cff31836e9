"""What the CloudEvents SDKs write to Kafka for one event, recorded from them.

Python: cloudevents 2.2.0, its new API, and its old one as `v1`. JavaScript: cloudevents 10.0.0. Java: 4.0.1.
Go's sdk-go v2 was read, not run: its binding sets the same headers as Java's.

Each is headers and value; in all of them the event is an order of 5 of c-1, unless it has no data.
"""

TIME = "2026-09-21T10:00:00Z"
_NANOS = "2026-09-21T10:00:00.123456789Z"


def _binary(time: str = TIME, **more: str) -> dict[str, str]:
    named = {"type": "order.paid", "source": "/shop", "id": "1", "subject": "c-1", "time": time, "specversion": "1.0"}
    headers = {f"ce_{name}": value for name, value in named.items() if value}
    return headers | {name.replace("content_type", "content-type"): value for name, value in more.items()}


def _body(more: str, time: str = TIME) -> bytes:
    said = f'"time": "{time}", ' if time else ""
    start = '{"type": "order.paid", "source": "/shop", "id": "1", "subject": "c-1", '
    return (start + said + '"specversion": "1.0"' + more + "}").encode()


_JSON = {"content-type": "application/json"}
_STRUCTURED = {"content-type": "application/cloudevents+json"}
_JS_STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
_AS_JSON = ', "datacontenttype": "application/json"'
_JS_BINARY = _binary("2026-09-21T10:00:00.000Z", ce_datacontenttype="application/json", content_type="application/json")

WITH_DATA: dict[str, tuple[dict[str, str], bytes]] = {
    "Python, structured": (_STRUCTURED, _body(_AS_JSON + ', "data": {"amount": 5}')),
    "Python, structured, no content type": (_STRUCTURED, _body(', "data": {"amount": 5}')),
    "Python, structured, bytes": (_STRUCTURED, _body(_AS_JSON + ', "data_base64": "eyJhbW91bnQiOjV9"')),
    "Python, structured, text": (_STRUCTURED, _body(_AS_JSON + r', "data": "{\"amount\":5}"')),
    "Python, structured, bytes of another type": (
        _STRUCTURED,
        _body(', "datacontenttype": "application/octet-stream", "data_base64": "eyJhbW91bnQiOjV9"'),
    ),
    "Python, binary": (_binary(content_type="application/json"), b'{"amount": 5}'),
    "Python, binary, no content type": (_binary(), b'{"amount": 5}'),
    "Python v1, structured": ({}, _body(', "data": {"amount": 5}')),
    "Python v1, structured, JSON": (_JSON, _body(', "data": {"amount": 5}')),
    "Python v1, structured, bytes": (_JSON, _body(', "data_base64": "eyJhbW91bnQiOiA1fQ=="')),
    "Python v1, structured, text": (_JSON, _body(r', "data": "{\"amount\":5}"')),
    "Python v1, binary": (_binary(content_type="application/json"), b'{"amount": 5}'),
    "Python v1, binary, text": (_binary(content_type="application/json"), rb'"{\"amount\":5}"'),
    "JavaScript, structured": (_JS_STRUCTURED, _body(_AS_JSON + ',"data":{"amount":5}')),
    "JavaScript, structured, bytes": (_JS_STRUCTURED, _body(_AS_JSON + ',"data_base64":"eyJhbW91bnQiOjV9"')),
    "JavaScript, structured, text": (_JS_STRUCTURED, _body(_AS_JSON + r',"data":"{\"amount\":5}"')),
    "JavaScript, binary, text or bytes": (_JS_BINARY, b'{"amount":5}'),
    "Java, structured": (_STRUCTURED, _body(_AS_JSON + ',"data":{"amount":5}', _NANOS)),
    "Java, binary": (_binary(_NANOS, content_type="application/json"), b'{"amount":5}'),
}
WITHOUT_DATA: dict[str, tuple[dict[str, str], bytes | None]] = {
    "Python, structured": (_STRUCTURED, _body(_AS_JSON)),
    "Python, binary": (_binary(content_type="application/json"), b""),
    "Python v1, binary": (_binary(content_type="application/json"), b"null"),
    "JavaScript, structured": (_JS_STRUCTURED, _body("")),
    "Java, structured": (_STRUCTURED, _body("", _NANOS)),
    "Java, binary": (_binary(_NANOS), None),
}
WITHOUT_TIME: dict[str, tuple[dict[str, str], bytes]] = {
    "Java, structured": (_STRUCTURED, _body(_AS_JSON + ',"data":{"amount":5}', "")),
    "Java, binary": (_binary("", content_type="application/json"), b'{"amount":5}'),
}
