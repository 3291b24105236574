"""What Schemathesis cannot know of bodies: those that are text, and those that are compressed."""

import gzip
import json
import zlib

import schemathesis
from hypothesis import strategies as st

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    "event_id ts sent_at type url route device session user props server "
    "messageId timestamp sentAt userId anonymousId event properties traits context batch writeKey".split()
)
messages = st.dictionaries(names | st.text(), values, max_size=6)
batches = st.fixed_dictionaries({"batch": st.lists(messages, max_size=4)}, optional={"context": messages})
texts = (messages | st.lists(messages, max_size=4) | batches | values).map(json.dumps)
bodies = st.one_of(texts, st.text()).map(lambda text: text.encode("utf-8", "surrogatepass"))
lines = st.lists(st.one_of(texts, st.text(max_size=20), st.just("")), min_size=1, max_size=5).map(
    lambda each: "\n".join(each).encode("utf-8", "surrogatepass")
)

for media_type in ("text/plain", "application/x-www-form-urlencoded"):
    schemathesis.openapi.media_type(media_type, bodies)
schemathesis.openapi.media_type("application/x-ndjson", lines)


COMPRESSED = {"gzip": lambda body: gzip.compress(body, mtime=0), "deflate": zlib.compress}


@schemathesis.serializer(
    "application/json", "application/x-ndjson", "text/plain", "application/x-www-form-urlencoded"
)
def as_announced(ctx, value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    coding = (ctx.case.headers or {}).get("Content-Encoding")
    return COMPRESSED.get(coding, bytes)(body)
