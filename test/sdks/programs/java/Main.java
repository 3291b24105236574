import com.segment.analytics.Analytics;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.Map;

public class Main {
  public static void main(String[] args) throws InterruptedException {
    // docs:begin com.segment.analytics.java:analytics
    Analytics analytics =
        Analytics.builder(System.getenv("WRITE_KEY")).endpoint(System.getenv("COLLECTOR")).build();
    // docs:end
    Map<String, ?> at =
        Map.of("page", Map.of("url", "https://shop.example/cart?utm_source=mail", "title", "Cart"));
    if (args[0].equals("away")) {
      analytics.enqueue(TrackMessage.builder("While away").userId("u-1"));
    } else {
      analytics.enqueue(
          TrackMessage.builder("Signed up 🎉")
              .userId("u-1")
              .anonymousId("a-1")
              .messageId("m-1")
              .context(at)
              .properties(Map.of("plan", "né", "nested", Map.of("n", 1.5))));
      analytics.enqueue(
          PageMessage.builder("Cart").anonymousId("a-1").context(at).properties(Map.of("price", 3)));
      analytics.enqueue(ScreenMessage.builder("Start").userId("u-1"));
      analytics.enqueue(IdentifyMessage.builder().userId("u-1").traits(Map.of("city", "Zürich")));
      analytics.enqueue(GroupMessage.builder("g-1").userId("u-1").traits(Map.of("size", 4)));
      analytics.enqueue(AliasMessage.builder("u-0").userId("u-1"));
      for (int n = 0; n < 250; n += 1) {
        analytics.enqueue(
            TrackMessage.builder("Many").userId("u-1").properties(Map.of("n", n)));
      }
    }
    System.out.println("sent");
    System.out.flush();
    analytics.flush();
    analytics.shutdown();
  }
}
