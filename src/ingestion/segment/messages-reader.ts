import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseClientTime } from '../../event/client-time.js';
import type { Work } from '../../event/work.js';
import type { EventEndpoint } from '../../metrics/pipeline-observer.js';
import { Admission, type Admitted } from '../admission/admission.js';
import { BodyReader } from '../body/body-reader.js';
import { decodeText } from '../body/decode-text.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { Preparation } from '../preparation.js';
import type { PreparedRequest } from '../prepared-request.js';
import { eventsOf } from './events-of-messages.js';
import type { Call } from './mapping.js';
import { parseMessages } from './parse-messages.js';
import { keyOfSegment } from './segment-key.js';

const ADMIT = { keyOf: keyOfSegment, keyInBody: true };

/** Makes stored events of the messages in a request, if it is admitted. Nothing is stored or counted yet. */
@Injectable()
export class MessagesReader {
  constructor(
    private readonly bodies: BodyReader,
    private readonly turns: ParsingTurns,
    private readonly admission: Admission,
    private readonly preparation: Preparation,
  ) {}

  /**
   * The body is out of reach when this has returned.
   * @param call undefined: the messages say it themselves
   * @throws HttpError the request is not admitted, or its body is no JSON or too much
   */
  async read(
    request: FastifyRequest,
    reply: FastifyReply,
    endpoint: EventEndpoint,
    call: Call | undefined,
  ): Promise<PreparedRequest> {
    const admitted = this.admission.admit(request, ADMIT);
    const { bytes } = await this.bodies.read(
      request.raw,
      reply.raw,
      (received) => this.admission.admitBody(admitted, received),
      'json',
    );
    return this.turns.run(this.work(request, admitted, { endpoint, call, bytes }), bytes.length);
  }

  private *work(
    request: FastifyRequest,
    admitted: Admitted,
    { endpoint, call, bytes }: { endpoint: EventEndpoint; call: Call | undefined; bytes: Buffer },
  ): Work<PreparedRequest> {
    const { options } = this.preparation;
    const text = yield* decodeText(bytes);
    const messages = yield* parseMessages(text, call === undefined, options);
    const { writeKey, sentAt } = messages.envelope;
    this.admission.admitKey(admitted, request, textOf(writeKey));
    const facts = this.admission.begin(admitted);
    const sentAtMs = parseClientTime(sentAt) ?? facts.sentAtMs;
    const contexts = this.preparation.contextsOf(endpoint, { ...facts, sentAtMs });
    const { maxEventBytes, removals } = this.preparation.limitsOf(contexts);
    const events = eventsOf(messages, call, {
      maxSharedLength: options.maxBodyBytes,
      maxEventBytes,
      removals,
      sentAtMs,
    });
    return yield* this.preparation.ofRequest(events, contexts);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
