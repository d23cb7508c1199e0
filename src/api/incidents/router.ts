import { AlertRepository } from '../../db/repositories/alerts.ts';
import { IncidentRepository } from '../../db/repositories/incidents.ts';
import { ALERT_EXAMPLE } from '../alerts/examples.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { INCIDENT_EXAMPLE, NOTE_EXAMPLE, TIMELINE_EXAMPLE } from './examples.ts';
import { presentIncident, presentIncidentDetail, presentTimelineEvent } from './presenter.ts';
import {
  Incident,
  IncidentDetail,
  IncidentId,
  IncidentListQuery,
  MAX_SHOWN,
  NoteBody,
  TimelineEvent,
} from './schema.ts';

const SUBJECT = 'This incident';
const COLLECTION = '/incidents';
const ONE = `${COLLECTION}/{id}`;

/** Alerts that belong together, with what has happened to them. */
export function incidentRoutes({ clock, config }: ApiDependencies): Route[] {
  const common = { tag: 'Incidents', subject: SUBJECT, protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your incidents',
      description: 'The highest number first.',
      query: IncidentListQuery,
      responses: {
        200: {
          description: 'A page of incidents.',
          schema: Incident.array(),
          example: [INCIDENT_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, query, searchParams }) {
        const { status, ...filter } = query;
        const page = await withValidCursor(() =>
          new IncidentRepository(em, caller).list({ ...filter, status: status && LOWER_STATUS[status] }),
        );
        return {
          status: 200,
          body: page.items.map(presentIncident),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}`, searchParams, page.nextCursor),
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: ONE,
      summary: 'One incident, with its alerts and its timeline',
      params: IncidentId,
      responses: {
        200: {
          description: 'The incident.',
          schema: IncidentDetail,
          example: {
            ...INCIDENT_EXAMPLE,
            ...{
              alerts: [ALERT_EXAMPLE],
              timeline: TIMELINE_EXAMPLE,
              timeline_count: TIMELINE_EXAMPLE.length,
            },
          },
        },
      },
      async handler({ em, caller, params }) {
        const incidents = new IncidentRepository(em, caller);
        const incident = await incidents.find(params.id);
        if (incident === null) throw notFound(SUBJECT);
        const alerts = await new AlertRepository(em, caller).ofIncident(incident.id, MAX_SHOWN);
        const timeline = await incidents.timeline(incident.id, MAX_SHOWN);
        return { status: 200, body: presentIncidentDetail(incident, alerts, timeline, config.temporal) };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${ONE}/notes`,
      summary: 'Write a note into the timeline of an incident',
      description: 'For those who read it later; nobody is sent a message.',
      params: IncidentId,
      body: NoteBody,
      bodyExamples: { note: { text: NOTE_EXAMPLE.text } },
      responses: {
        201: { description: 'As it stands in the timeline.', schema: TimelineEvent, example: NOTE_EXAMPLE },
      },
      async handler({ em, caller, params, body }) {
        const note = await new IncidentRepository(em, caller).addNote(params.id, body.text, clock.now());
        if (note === null) throw notFound(SUBJECT);
        return { status: 201, body: presentTimelineEvent(note) };
      },
    }),
  ];
}

const LOWER_STATUS = { OPEN: 'open', RESOLVED: 'resolved' } as const;
