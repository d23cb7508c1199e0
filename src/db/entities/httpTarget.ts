import { defineEntity, p } from '@mikro-orm/core';

/** A URL to watch, as its owner configured it. Headers and body are encrypted at rest. */
export const HttpTarget = defineEntity({
  name: 'HttpTarget',
  tableName: 'http_targets',
  properties: {
    id: p.uuid().primary(),
    key: p.integer().generated('identity'),
    clientId: p.uuid().fieldName('client_id'),
    name: p.text(),
    url: p.text(),
    urlNormalized: p.text().fieldName('url_normalized'),
    method: p.text(),
    timeoutSeconds: p.integer().fieldName('timeout_seconds'),
    checkIntervalSeconds: p.integer().fieldName('check_interval_seconds'),
    retryIntervalSeconds: p.integer().fieldName('retry_interval_seconds'),
    recoveryThreshold: p.integer().fieldName('recovery_threshold'),
    acceptedStatusCodes: p.json<[number, number][]>().fieldName('accepted_status_codes').nullable(),
    followRedirects: p.boolean().fieldName('follow_redirects'),
    verifyTls: p.boolean().fieldName('verify_tls'),
    headersEncrypted: p.blob().fieldName('headers_encrypted').nullable().hidden(),
    bodyEncrypted: p.blob().fieldName('body_encrypted').nullable().hidden(),
    tags: p.array().default([]),
    isActive: p.boolean().fieldName('is_active'),
    version: p.integer().default(1),
    createdAt: p.datetime().fieldName('created_at'),
    updatedAt: p.datetime().fieldName('updated_at'),
    deletedAt: p.datetime().fieldName('deleted_at').nullable(),
  },
});
