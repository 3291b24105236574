import { EmbeddedHarness } from '../support/disk/embedded-harness.js';
import { describeQueue } from './queue-contract.js';

describeQueue('the embedded queue', () => EmbeddedHarness.create());
