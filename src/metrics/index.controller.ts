import { Controller, Get, Header } from '@nestjs/common';

const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>GoTrack</title>
  <h1>GoTrack</h1>
  <ul>
    <li><a href="/metrics">Metrics</a></li>
    <li><a href="/healthz">Alive</a></li>
    <li><a href="/readyz">Ready</a></li>
  </ul>
</html>
`;

/** For a person who opens the metrics address. */
@Controller()
export class IndexController {
  @Get('/')
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return PAGE;
  }
}
