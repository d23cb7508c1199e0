import { MachineRepository } from '../../db/repositories/machines.ts';
import { MetricRepository } from '../../db/repositories/metrics.ts';
import { deleteMachine } from '../commands/deleteMachine.ts';
import { pauseMachine } from '../commands/pauseMachine.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { MACHINE_DETAIL_EXAMPLE, MACHINE_EXAMPLE } from './examples.ts';
import { presentMachine, presentMachineChanged, presentMachineDetail } from './presenter.ts';
import {
  DeletedMachine,
  Machine,
  MachineChanged,
  MachineDetail,
  MachineId,
  MachineListQuery,
  MachinePause,
} from './schema.ts';

const SUBJECT = 'This machine';
const COLLECTION = '/machines';
const ONE = `${COLLECTION}/{id}`;

export function machineRoutes(deps: ApiDependencies): Route[] {
  const common = { tag: 'Machines', subject: SUBJECT, protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your machines',
      description: 'In the order in which they were registered, each by the first post of its agent.',
      query: MachineListQuery,
      responses: {
        200: {
          description: 'A page of machines.',
          schema: Machine.array(),
          example: [MACHINE_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, query, searchParams }) {
        const { status, ...filter } = query;
        const page = await withValidCursor(() =>
          new MachineRepository(em, caller).list({ ...filter, status: status && LOWER_STATUS[status] }),
        );
        return {
          status: 200,
          body: page.items.map(presentMachine),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}`, searchParams, page.nextCursor),
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: `${ONE}/detail`,
      summary: 'One machine, with all its metrics',
      params: MachineId,
      responses: {
        200: {
          description: 'The machine, and each metric with its newest sample and its threshold.',
          schema: MachineDetail,
          example: MACHINE_DETAIL_EXAMPLE,
        },
      },
      async handler({ em, caller, params }) {
        const machine = await new MachineRepository(em, caller).find(params.id);
        if (machine === null) throw notFound(SUBJECT);
        const metrics = await new MetricRepository(em, caller).ofMachine(params.id);
        return { status: 200, body: presentMachineDetail(machine, metrics, deps.clock.now()) };
      },
    }),

    defineRoute({
      ...common,
      method: 'patch',
      path: `${ONE}/pause`,
      summary: 'Pause or resume a machine',
      description:
        'While it is paused nobody hears of its silence or of its metrics; what its agent posts is stored all the same.',
      params: MachineId,
      body: MachinePause,
      bodyExamples: { pause: { paused: true }, resume: { paused: false } },
      responses: {
        200: {
          description: 'The machine as it is now.',
          schema: MachineChanged,
          example: { success: true, machine: { ...MACHINE_EXAMPLE, status: 'PAUSED', is_paused: true } },
        },
      },
      async handler({ em, caller, params, body }) {
        await pauseMachine({ em, caller, id: params.id, isPaused: body.paused, deps });
        const machine = await new MachineRepository(em, caller).find(params.id);
        if (machine === null) throw notFound(SUBJECT);
        return { status: 200, body: presentMachineChanged(machine) };
      },
    }),

    defineRoute({
      ...common,
      method: 'delete',
      path: ONE,
      summary: 'Stop watching a machine',
      description:
        'It and its metrics are in no list any more. When its agent posts again, that is a new machine of the same name.',
      params: MachineId,
      responses: {
        200: {
          description: 'Deleted.',
          schema: DeletedMachine,
          example: { deleted: MACHINE_EXAMPLE.id },
        },
      },
      async handler({ em, caller, params }) {
        await deleteMachine({ em, caller, id: params.id, deps });
        return { status: 200, body: { deleted: params.id } };
      },
    }),
  ];
}

const LOWER_STATUS = { UP: 'up', DOWN: 'down', UNKNOWN: 'unknown', PAUSED: 'paused' } as const;
