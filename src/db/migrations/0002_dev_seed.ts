import { Migration } from '@mikro-orm/migrations';

/** The dev client and its settings; never a key: the dev key and login are ensured at each start. */
export class Migration0002DevSeed extends Migration {
  override up(): void {
    this.addSql(`
      insert into clients (id, name) values ('00000000-0000-0000-0000-000000000001', 'Dev')
        on conflict do nothing;
      insert into client_settings (id, client_id, notification_email, heartbeat_threshold_minutes,
        consecutive_failures_threshold, alert_grouping_enabled)
        values ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001',
          'alerts@example.com', 5, 2, true)
        on conflict (client_id) do nothing;
    `);
  }
}
