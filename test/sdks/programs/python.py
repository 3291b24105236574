import os
import sys

# docs:begin segment-analytics-python
import segment.analytics as analytics

analytics.write_key = os.environ["WRITE_KEY"]
analytics.host = os.environ["COLLECTOR"]
analytics.gzip = os.environ.get("GZIP") == "true"
# docs:end

at = {"page": {"url": "https://shop.example/cart?utm_source=mail", "title": "Cart"}}
if sys.argv[1] == "away":
    analytics.track("u-1", "While away")
else:
    analytics.track(
        "u-1",
        "Signed up 🎉",
        {"plan": "né", "nested": {"n": 1.5}},
        anonymous_id="a-1",
        context=at,
        message_id="m-1",
    )
    analytics.page("u-1", None, "Cart", {"price": 3}, anonymous_id="a-1", context=at)
    analytics.screen("u-1", None, "Start")
    analytics.identify("u-1", {"city": "Zürich"})
    analytics.group("u-1", "g-1", {"size": 4})
    analytics.alias("u-0", "u-1")
    for n in range(250):
        analytics.track("u-1", "Many", {"n": n})
print("sent", flush=True)
analytics.shutdown()
