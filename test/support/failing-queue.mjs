// Start the program with it: what its queue answers to some events is then what no test can bring about from outside.
import { GroupCommitter } from '../../dist/queueing/embedded/group-committer.js';
import { QueueRefusedError, QueueUnavailableError } from '../../dist/queueing/event-queue.js';

const append = Object.getOwnPropertyDescriptor(GroupCommitter.prototype, 'append').value;

GroupCommitter.prototype.append = function (events) {
  const text = events.join();
  if (text.includes('"type":"draining"')) {
    return Promise.reject(new QueueUnavailableError('draining', 'the collector is shutting down'));
  }
  if (text.includes('"type":"refused"')) {
    return Promise.reject(new QueueRefusedError('the topic does not take it'));
  }
  return text.includes('"type":"unexpected"')
    ? Promise.reject(new Error('unexpected'))
    : append.call(this, events);
};
