import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { type Metric, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';

const compress = promisify(gzip);

/** After so long others have their turn on the event loop. A single metric takes far less. */
const SLICE_MS = 2;

/** The registry as text. Who asks while a rendering is under way gets that one. */
@Injectable()
export class Exposition {
  readonly contentType: string;
  private rendering: Promise<string> | undefined;
  private compressing: Promise<Buffer> | undefined;

  constructor(private readonly registry: Registry) {
    this.contentType = registry.contentType;
  }

  text(): Promise<string> {
    this.rendering ??= this.render().finally(() => {
      this.rendering = undefined;
    });
    return this.rendering;
  }

  gzipped(): Promise<Buffer> {
    this.compressing ??= this.compressed().finally(() => {
      this.compressing = undefined;
    });
    return this.compressing;
  }

  /** Takes all values first, since they have to add up, and writes them in slices. */
  private async render(): Promise<string> {
    const metrics = await this.registry.getMetricsAsJSON();
    const texts: string[] = [];
    let sliceBegan = performance.now();
    for (const metric of metrics) {
      texts.push(await textOf(metric));
      if (performance.now() - sliceBegan > SLICE_MS) {
        await turn();
        sliceBegan = performance.now();
      }
    }
    return texts.join('\n');
  }

  private async compressed(): Promise<Buffer> {
    return compress(await this.text());
  }
}

/** prom-client writes what is on a registry. */
function textOf(metric: MetricObjectWithValues<MetricValue<string>>): Promise<string> {
  const page = new Registry();
  page.registerMetric({ ...metric, get: () => Promise.resolve(metric) } as unknown as Metric);
  return page.metrics();
}
