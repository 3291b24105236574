// docs:begin @rudderstack/rudder-sdk-node
import Analytics from '@rudderstack/rudder-sdk-node';
const analytics = new Analytics(process.env.WRITE_KEY, { dataPlaneUrl: process.env.COLLECTOR });
// docs:end
const at = {
  anonymousId: 'a-1',
  context: { page: { url: 'https://shop.example/cart?utm_source=mail', title: 'Cart' } },
};
if (process.argv[2] === 'away') {
  analytics.track({ userId: 'u-1', event: 'While away' });
} else {
  analytics.track({
    ...at,
    userId: 'u-1',
    event: 'Signed up 🎉',
    messageId: 'm-1',
    properties: { plan: 'né', nested: { n: 1.5 } },
  });
  analytics.page({ ...at, name: 'Cart', properties: { price: 3 } });
  analytics.screen({ userId: 'u-1', name: 'Start' });
  analytics.identify({ userId: 'u-1', traits: { city: 'Zürich' } });
  analytics.group({ userId: 'u-1', groupId: 'g-1', traits: { size: 4 } });
  analytics.alias({ userId: 'u-1', previousId: 'u-0' });
  for (let n = 0; n < 250; n += 1) {
    analytics.track({ userId: 'u-1', event: 'Many', properties: { n } });
  }
}
console.log('sent');
await analytics.flush();
