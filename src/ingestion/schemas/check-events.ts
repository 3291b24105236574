import { createSanitizer } from '../../event/sanitize.js';
import type { Work } from '../../event/work.js';
import { AdmissionOptions } from '../admission/admission.options.js';
import type { BodyForm } from '../body/media-type.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { parseEvents } from '../collect/parse-events.js';
import { Enrichment } from '../enrichment/enrichment.js';
import type { IngestionOptions } from '../ingestion.options.js';
import { Preparation } from '../preparation.js';
import type { PreparedRequest } from '../prepared-request.js';
import { EventSchemas } from './event-schemas.js';

/** Nobody is told of the work of a command. */
const NOBODY = {
  enrichmentFailed: () => {},
  enrichmentStepsNamed: () => {},
  eventSchemasOpened: () => {},
};

export interface RejectedElement {
  readonly index: number;
  readonly errors: readonly string[];
}

export interface CheckedEvents {
  readonly events: number;
  /** Those that violate their schema, and those that are no events. */
  readonly rejected: readonly RejectedElement[];
}

/**
 * Checks events as `/collect` does.
 * @param text as a body has them, however many
 * @param folder of schemas
 * @throws HttpError the text as a whole is not acceptable
 * @throws Error the folder cannot be used
 */
export async function checkEvents(
  text: string,
  form: BodyForm,
  options: IngestionOptions,
  folder: string,
): Promise<CheckedEvents> {
  const schemas = await EventSchemas.open({ folder, mode: 'reject' }, NOBODY);
  const preparation = new Preparation(
    options,
    new AdmissionOptions(),
    new Enrichment([], NOBODY),
    createSanitizer(options.sanitizeParams),
    schemas,
  );
  try {
    const { events, rejections } = await new ParsingTurns().run(
      preparedFrom(text, form, preparation),
      text.length,
    );
    return {
      events: events.length + rejections.count,
      rejected: JSON.parse(rejections.json()) as readonly RejectedElement[],
    };
  } finally {
    schemas.onModuleDestroy();
  }
}

function* preparedFrom(
  text: string,
  form: BodyForm,
  preparation: Preparation,
): Work<PreparedRequest> {
  const facts = { receivedAtMs: Date.now(), headers: {}, query: '', address: undefined };
  const contexts = preparation.contextsOf('/collect', facts);
  const limits = { ...preparation.limitsOf(contexts), maxBatchEvents: Infinity };
  const elements = yield* parseEvents(form, text, limits);
  return yield* preparation.ofRequest(elements, contexts);
}
