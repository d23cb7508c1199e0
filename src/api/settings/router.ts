import { SettingsRepository } from '../../db/repositories/clients.ts';
import { changeSettings } from '../commands/changeSettings.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { defineRoute, type Route } from '../route.ts';
import { presentSettings, toSettingsChange } from './presenter.ts';
import { Settings, SETTINGS_EXAMPLE, SettingsChange } from './schema.ts';

export function settingsRoutes(deps: ApiDependencies): Route[] {
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
        return { status: 200, body: presentSettings(settings) };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/settings',
      tag: 'Settings',
      summary: 'Change some or all of your settings',
      protection: 'key_or_cookie',
      body: SettingsChange,
      bodyExamples: { 'another address': { notification_email: 'ops@example.com' } },
      responses: { 200: answer },
      async handler({ em, caller, body }) {
        const settings = await changeSettings({ em, caller, change: toSettingsChange(body), deps });
        return { status: 200, body: presentSettings(settings) };
      },
    }),
  ];
}
