import { requestToCollector } from './request-to-collector.js';

export function run(name: string): Promise<number> {
  return requestToCollector(name, 'replay');
}
