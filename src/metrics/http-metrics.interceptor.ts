import type { ServerResponse } from 'node:http';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { nameEndpoint } from '../http/request-tracker.js';

/** The parts of Fastify's request and reply that are used here. */
interface MatchedRequest {
  readonly routeOptions: { readonly url?: string };
}
interface HandledReply {
  readonly raw: ServerResponse;
}

/** Names the endpoint of the requests that it sees for the `RequestTracker`, by the route that matched. */
@Injectable()
export class HttpMetricsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const endpoint = http.getRequest<MatchedRequest>().routeOptions.url;
    if (endpoint !== undefined) {
      nameEndpoint(http.getResponse<HandledReply>().raw, endpoint);
    }
    return next.handle();
  }
}
