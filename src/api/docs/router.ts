import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type Router from '@koa/router';
import send from 'koa-send';
import type { ApiState } from '../context.ts';
import { notFound } from '../errors.ts';
import { openApiDocument } from '../openapi.ts';
import type { Route } from '../route.ts';
import { DOCS_PAGE, DOCS_SCRIPT } from './page.ts';

const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const ASSETS = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);
const ONE_DAY_MS = 86_400_000;

/** Paths that are no part of the API but may be meant by somebody who mistypes one. */
export const DOCS_PATHS = ['/docs', '/openapi.json'];

/** /openapi.json and /docs: everything comes from this server, and no script stands in the page. */
export function mountDocs(router: Router<ApiState, object>, routes: readonly Route[]): void {
  const document = openApiDocument(routes);

  router.get('/openapi.json', (context) => {
    context.body = document;
  });
  router.get('/docs', (context) => {
    context.type = 'html';
    context.body = DOCS_PAGE;
  });
  router.get('/docs/init.js', (context) => {
    context.type = 'js';
    context.body = DOCS_SCRIPT;
  });
  router.get('/docs/:asset', async (context) => {
    const { asset = '' } = context.params;
    if (!ASSETS.has(asset)) throw notFound('This file');
    await send(context, asset, { root: SWAGGER_UI, maxage: ONE_DAY_MS });
  });
}
