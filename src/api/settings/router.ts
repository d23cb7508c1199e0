import { SettingsRepository } from '../../db/repositories/clients.ts';
import { changeSettings } from '../commands/changeSettings.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { defineRoute, type Route } from '../route.ts';
import { presentSettings } from './presenter.ts';
import { Settings, SETTINGS_EXAMPLE, settingsChangeBody } from './schema.ts';

export function settingsRoutes(deps: ApiDependencies): Route[] {
  const { secrets, addressGuard } = deps;
  const answer = { description: 'All settings.', schema: Settings, example: SETTINGS_EXAMPLE };

  return [
    defineRoute({
      method: 'get',
      path: '/settings',
      tag: 'Settings',
      summary: 'Your settings',
      protection: 'key_or_cookie',
      responses: { 200: answer },
      async handler({ em, caller }) {
        const settings = await new SettingsRepository(em, caller).get();
        return { status: 200, body: presentSettings(settings, caller.clientId, secrets) };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/settings',
      tag: 'Settings',
      summary: 'Change some or all of your settings',
      description: 'null clears; a masked address stays what it is. In force within a second.',
      protection: 'key_or_cookie',
      body: settingsChangeBody(addressGuard),
      bodyExamples: {
        'another address': { notification_email: 'ops@example.com' },
        'remind every hour': { reminder_notification_seconds: 3_600 },
      },
      responses: { 200: answer },
      async handler({ em, caller, body }) {
        const settings = await changeSettings({ em, caller, sent: body, deps });
        return { status: 200, body: presentSettings(settings, caller.clientId, secrets) };
      },
    }),
  ];
}
