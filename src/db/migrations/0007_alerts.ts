import { Migration } from '@mikro-orm/migrations';

/**
 * Alerts, incidents, channels and the ledger of messages. An alert is written in the transaction that decides the
 * fault; its row in `alert_news` goes with it, and is deleted by whoever has made an incident of it.
 */
export class Migration0007Alerts extends Migration {
  override up(): void {
    this.addSql(`
      create table incidents (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id),
        incident_number integer not null,
        title text not null,
        type text not null,
        severity text not null check (severity in ('info', 'warning', 'critical')),
        status text not null default 'open' check (status in ('open', 'resolved')),
        http_target_id uuid,
        machine_id uuid,
        metric_instance_id uuid,
        alerts_count integer not null default 0,
        opened_at timestamptz not null,
        active_since timestamptz not null,
        resolved_at timestamptz,
        last_change_at timestamptz not null,
        reopenings integer not null default 0,
        is_flapping boolean not null default false,
        acknowledged_at timestamptz,
        untold_since timestamptz,
        untold_until timestamptz,
        told_at timestamptz,
        messages integer not null default 0,
        constraint incidents_number_unique unique (client_id, incident_number)
      );
      create index incidents_client_status on incidents (client_id, status, incident_number desc);
      create index incidents_client_resolved on incidents (client_id, resolved_at);
      create index incidents_active on incidents (client_id) where status = 'open' or untold_since is not null;
      comment on table incidents is 'What belongs together: alerts of one client that opened within its grouping window.';
      comment on column incidents.type is 'The source of its alerts, or "mixed".';
      comment on column incidents.active_since is 'When it was opened, or last reopened.';
      comment on column incidents.last_change_at is 'When an alert of it last opened or was resolved: a flapping incident ends after an hour without.';
      comment on column incidents.acknowledged_at is 'Set while every alert of it that is not resolved is acknowledged.';
      comment on column incidents.untold_since is 'The first of what no message has told yet, untold_until the last; null when all is told.';
      comment on column incidents.told_at is 'When a message about it was last handed to the ledger; null before the first since it opened.';
      comment on column incidents.messages is 'How many messages were made of it, so the number of the next.';

      create table alerts (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id),
        source text not null check (source in ('http_target', 'heartbeat', 'metric', 'certificate', 'monitor')),
        source_id uuid not null,
        episode integer not null,
        stage smallint not null default 0,
        status text not null default 'firing' check (status in ('firing', 'acknowledged', 'resolved')),
        severity text not null check (severity in ('info', 'warning', 'critical')),
        message text not null,
        details jsonb not null default '{}',
        http_target_id uuid,
        machine_id uuid,
        metric_instance_id uuid,
        incident_id uuid references incidents (id),
        triggered_at timestamptz not null,
        acknowledged_at timestamptz,
        acknowledged_by text,
        acknowledgement_note text,
        acknowledgement_expires_at timestamptz,
        resolved_at timestamptz,
        resolved_by text,
        resolution text,
        withdrawn_at timestamptz,
        is_told boolean not null default false
      ) with (fillfactor = 80);
      create unique index alerts_episode_unique
        on alerts (source, source_id, episode, stage, coalesce(withdrawn_at, 'infinity'));
      create unique index alerts_open_unique on alerts (source, source_id) where status <> 'resolved';
      create index alerts_client_triggered on alerts (client_id, triggered_at desc, id desc);
      create index alerts_client_status on alerts (client_id, status, triggered_at desc, id desc);
      create index alerts_client_severity on alerts (client_id, severity, triggered_at desc, id desc);
      create index alerts_client_source on alerts (client_id, source, triggered_at desc, id desc);
      create index alerts_incident on alerts (incident_id);
      create index alerts_http_target on alerts (http_target_id, triggered_at desc, id desc) where http_target_id is not null;
      create index alerts_machine on alerts (machine_id, triggered_at desc, id desc) where machine_id is not null;
      create index alerts_machine_open on alerts (machine_id) where status <> 'resolved';
      create index alerts_acknowledged on alerts (client_id, acknowledgement_expires_at)
        where status = 'acknowledged' and acknowledgement_expires_at is not null;
      comment on table alerts is 'One row a fault: the unique index on source and episode makes it one, whoever writes it and however often.';
      comment on column alerts.source_id is 'The target, machine or metric; the client where the monitor itself is at fault.';
      comment on column alerts.episode is 'Number of the fault in the row of its source; of a certificate, the minute in which it ends.';
      comment on column alerts.stage is 'How near a certificate is to its end: 1 for 30 days, 4 for one; 0 for all other sources.';
      comment on column alerts.details is 'What its words are made of: failure_class, status_code, response_time_ms ...';
      comment on column alerts.withdrawn_at is 'When it was resolved because its owner paused, deleted or switched off what it is about: the same fault may alert again afterwards.';
      comment on column alerts.is_told is 'Whether a message has told of it as it is now.';
      comment on column alerts.incident_id is 'Null for the moment until it is grouped.';

      create table alert_news (
        id bigint generated always as identity primary key,
        client_id uuid not null,
        alert_id uuid references alerts (id) on delete cascade,
        kind text not null check (kind in ('opened', 'changed', 'acknowledged', 'resolved', 'configured')),
        at timestamptz not null default now(),
        told_at timestamptz
      ) with (fillfactor = 70);
      create index alert_news_client on alert_news (client_id, id);
      comment on table alert_news is 'What has happened to alerts and is not part of an incident yet; deleted in the transaction that makes it so.';
      comment on column alert_news.alert_id is 'Null for "configured": settings, channels, or a message that is to be sent now.';
      comment on column alert_news.told_at is 'When a worker last told the workflow of the client.';

      create function notify_alert_news() returns trigger language plpgsql as $$
      begin
        notify alert_news;
        return null;
      end $$;
      create trigger alert_news_told after insert on alert_news for each statement execute function notify_alert_news();

      create table incident_events (
        id bigint generated always as identity primary key,
        incident_id uuid not null references incidents (id) on delete cascade,
        alert_id uuid references alerts (id) on delete cascade,
        kind text not null,
        at timestamptz not null,
        text text not null,
        actor text
      );
      create index incident_events_incident on incident_events (incident_id, at, id);
      create index incident_events_alert on incident_events (alert_id);
      comment on table incident_events is 'The timeline of each incident.';
    `);
    this.addSql(`
      create table channels (
        id uuid primary key,
        client_id uuid not null references clients (id),
        type text not null,
        name text not null,
        config_encrypted bytea not null,
        recipient text not null,
        severities text[] not null,
        sources text[],
        escalation_minutes integer not null default 0 check (escalation_minutes >= 0),
        is_active boolean not null default true,
        version integer not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        deleted_at timestamptz
      );
      create unique index channels_client_name_unique on channels (client_id, lower(name)) where deleted_at is null;
      create index channels_client_created on channels (client_id, created_at, id) where deleted_at is null;
      comment on table channels is 'Where messages go; config_encrypted holds the webhook address, the secret, the mail address.';
      comment on column channels.recipient is 'Where it leads, masked: what lists and the ledger show.';
      comment on column channels.sources is 'Null for every source.';
      comment on column channels.escalation_minutes is '0: told at once; else when nobody has acknowledged for so long.';

      create table messages (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id),
        incident_id uuid references incidents (id) on delete cascade,
        sequence integer not null,
        kind text not null,
        severity text not null,
        content jsonb not null,
        created_at timestamptz not null
      );
      create unique index messages_incident_unique on messages (incident_id, sequence);
      comment on table messages is 'What is said about an incident at one moment, the same for all channels; without an incident, a test of a channel.';

      create table notifications (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id),
        message_id uuid not null references messages (id) on delete cascade,
        incident_id uuid references incidents (id) on delete cascade,
        alert_id uuid,
        channel_key text not null,
        channel_id uuid references channels (id),
        provider text not null,
        recipient text not null,
        event text not null,
        severity text not null,
        text text not null,
        status text not null default 'pending',
        attempts integer not null default 0,
        attempt_began_at timestamptz,
        attempt_ended_at timestamptz,
        attempt_token text,
        is_possible_duplicate boolean not null default false,
        error_message text,
        provider_answer text,
        created_at timestamptz not null,
        sent_at timestamptz,
        next_attempt_at timestamptz,
        give_up_at timestamptz not null,
        constraint notifications_once unique (message_id, channel_key)
      ) with (fillfactor = 70);
      create index notifications_client_created on notifications (client_id, created_at desc, id desc);
      create index notifications_client_status on notifications (client_id, status, created_at desc, id desc);
      create index notifications_incident on notifications (incident_id, channel_key);
      create index notifications_pending on notifications (client_id, created_at) where status = 'pending';
      comment on table notifications is 'The ledger: one row a message and channel, written before and after each attempt.';
      comment on column notifications.channel_key is 'The id of the channel, or "settings:email", "settings:slack" for those of the settings.';
      comment on column notifications.attempt_token is 'Whose attempt began at attempt_began_at: an attempt that never ended may have sent the message.';
    `);
    this.addSql(`
      alter table client_settings
        add column slack_webhook_encrypted bytea,
        add column slack_channel_name text,
        add column alert_grouping_window_seconds integer not null default 300
          check (alert_grouping_window_seconds between 1 and 86400),
        add column reminder_notification_seconds integer not null default 0 check (reminder_notification_seconds >= 0),
        add column grace_period_seconds integer not null default 0 check (grace_period_seconds >= 0),
        add column notify_on_resolve boolean not null default true;

      alter table workers add column network_lost_at timestamptz;
      comment on column workers.network_lost_at is 'Since when this worker reaches neither its targets nor its reference addresses.';
    `);
  }
}
