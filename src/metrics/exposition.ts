import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';

const compress = promisify(gzip);

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
    this.rendering ??= this.registry.metrics().finally(() => {
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

  private async compressed(): Promise<Buffer> {
    return compress(await this.text());
  }
}
