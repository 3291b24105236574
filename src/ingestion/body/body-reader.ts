import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { BodyBudget, type BodyShare } from './body-budget.js';
import { ByteGatherer } from './byte-gatherer.js';
import { bodyEncoding, decompress } from './decompress.js';
import { bodyTooLarge, HttpError } from '../../http/errors.js';
import { askForBody } from '../../http/expectations.js';
import { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { IngestionOptions } from '../ingestion.options.js';
import { type BodyForm, bodyForm } from './media-type.js';

/** A body as it was before its compression. */
export interface EventsBody {
  readonly form: BodyForm;
  readonly bytes: Buffer;
}

/** Reads bodies within their bounds. What is not read of a refused one, Node discards after the answer. */
@Injectable()
export class BodyReader {
  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly budget: BodyBudget,
    private readonly observer: PipelineObserver,
  ) {}

  /**
   * @param check is given the body as it came, before anything is made of it; what it throws refuses the body
   * @param form what a body holds whose Content-Type does not matter
   * @throws HttpError
   */
  async read(
    request: IncomingMessage,
    response: ServerResponse,
    check?: (received: Buffer) => Promise<void>,
    form = bodyForm(request.headers['content-type']),
  ): Promise<EventsBody> {
    try {
      return { form, bytes: await this.readWithin(request, response, check) };
    } catch (error) {
      if (error instanceof HttpError && error.code === 'GT_BUSY') {
        this.observer.requestDenied('busy');
      }
      throw error;
    }
  }

  private async readWithin(
    request: IncomingMessage,
    response: ServerResponse,
    check: ((received: Buffer) => Promise<void>) | undefined,
  ): Promise<Buffer> {
    const { headers } = request;
    const { maxBodyBytes } = this.options;
    const encoding = bodyEncoding(headers['content-encoding']);
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > maxBodyBytes) {
      throw bodyTooLarge(maxBodyBytes);
    }
    if (!this.budget.hasRoomFor(announced)) {
      throw new HttpError('GT_BUSY');
    }

    askForBody(request, response);
    const share = this.budget.open(request, response);
    const received = await receive(request, maxBodyBytes, share);
    if (received.length === 0) {
      throw new HttpError('GT_EMPTY_BODY');
    }
    await check?.(received);
    return encoding === 'identity' ? received : decompress(received, encoding, maxBodyBytes, share);
  }
}

function receive(request: IncomingMessage, maxBytes: number, share: BodyShare): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let gathered: ByteGatherer | undefined = new ByteGatherer();
    let length = 0;
    const refuse = (error: HttpError): void => {
      share.hasArrived();
      // What follows is discarded, and what came must not stay for as long as it arrives.
      gathered = undefined;
      request.off('data', onData).resume();
      reject(error);
    };
    const giveWay = (): void => refuse(new HttpError('GT_BUSY', 'the body comes too slowly'));
    const onData = (piece: Buffer): void => {
      length += piece.length;
      if (length > maxBytes) {
        refuse(bodyTooLarge(maxBytes));
      } else if (share.take(piece.length)) {
        gathered?.append(piece);
        if (!request.complete) {
          share.arrives(giveWay);
        }
      } else {
        refuse(new HttpError('GT_BUSY'));
      }
    };
    request.on('data', onData);
    request.once('end', () => {
      share.hasArrived();
      if (gathered) {
        resolve(gathered.bytes);
      }
    });
    // A request that was cut closes too, and its `end` never comes.
    request.once('close', () => reject(new HttpError('GT_ABORTED')));
    request.once('error', () => reject(new HttpError('GT_ABORTED')));
  });
}
