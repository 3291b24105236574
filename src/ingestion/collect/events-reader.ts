import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Admission, type Admitted } from '../admission/admission.js';
import { BodyReader, type EventsBody } from '../body/body-reader.js';
import { decodeText } from '../body/decode-text.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { Preparation } from '../preparation.js';
import type { PreparedRequest } from '../prepared-request.js';
import type { Work } from '../../event/work.js';
import { parseEvents } from './parse-events.js';

/** Makes stored events of the body of a request, if it is admitted. Nothing is stored or counted yet. */
@Injectable()
export class EventsReader {
  constructor(
    private readonly bodies: BodyReader,
    private readonly turns: ParsingTurns,
    private readonly admission: Admission,
    private readonly preparation: Preparation,
  ) {}

  /**
   * The body is out of reach when this has returned.
   * @throws HttpError the request is not admitted, or its body as a whole is not acceptable
   */
  async read(request: FastifyRequest, reply: FastifyReply): Promise<PreparedRequest> {
    const admitted = this.admission.admit(request);
    const body = await this.bodies.read(request.raw, reply.raw, (received) =>
      this.admission.admitBody(admitted, received),
    );
    return this.turns.run(this.work(admitted, body), body.bytes.length);
  }

  private *work(admitted: Admitted, { form, bytes }: EventsBody): Work<PreparedRequest> {
    const contexts = this.preparation.contextsOf('/collect', this.admission.begin(admitted));
    const text = yield* decodeText(bytes);
    const elements = yield* parseEvents(form, text, this.preparation.limitsOf(contexts));
    return yield* this.preparation.ofRequest(elements, contexts);
  }
}
