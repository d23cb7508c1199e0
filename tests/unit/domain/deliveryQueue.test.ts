import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  AT_ONCE_PER_CHANNEL,
  DeliveryQueue,
  type PlannedDelivery,
} from '../../../src/domain/deliveryQueue.ts';
import { deliveryBackoffMs } from '../../../src/domain/deliveryBackoff.ts';

const planned = (notificationId: string, channelKey: string, incidentId: string | null): PlannedDelivery => ({
  notificationId,
  channelKey,
  incidentId,
  words: notificationId,
});

const ids = (deliveries: readonly PlannedDelivery[]) =>
  deliveries.map(({ notificationId }) => notificationId);

describe('messages on their way', () => {
  it('are in order for a channel and an incident: the end waits for the beginning', () => {
    const queue = new DeliveryQueue();
    const all = [
      planned('opened', 'slack', '1'),
      planned('resolved', 'slack', '1'),
      planned('other', 'slack', '2'),
    ];
    queue.plan(all);
    expect(ids(queue.takeReady())).toEqual(['opened', 'other']);
    // What is on its way is planned again by the next look.
    queue.plan(all);
    expect(ids(queue.takeReady())).toEqual([]);
    queue.ended('opened');
    queue.plan(all.slice(1));
    expect(ids(queue.takeReady())).toEqual(['resolved']);
  });

  it('are three a channel at most, and a channel that hangs takes no room from another', () => {
    const queue = new DeliveryQueue();
    queue.plan([
      ...['a', 'b', 'c', 'd'].map((id) => planned(id, 'slack', id)),
      planned('mail', 'email', 'a'),
    ]);
    expect(ids(queue.takeReady())).toEqual(['a', 'b', 'c', 'mail']);
    queue.ended('b');
    expect(ids(queue.takeReady())).toEqual(['d']);
  });

  it('hold no test up behind another', () => {
    const queue = new DeliveryQueue();
    queue.plan([planned('first', 'slack', null), planned('second', 'slack', null)]);
    expect(ids(queue.takeReady())).toEqual(['first', 'second']);
  });

  it('each go once and in order, whatever ends when', () => {
    const deliveries = fc
      .array(fc.tuple(fc.constantFrom('slack', 'email'), fc.constantFrom('1', '2', '3', null)), {
        maxLength: 30,
      })
      .map((all) => all.map(([channel, incident], index) => planned(String(index), channel, incident)));
    const property = fc.property(deliveries, fc.infiniteStream(fc.nat(1_000)), (all, choices) => {
      const queue = new DeliveryQueue();
      const done: string[] = [];
      const inFlight = new Map<string, PlannedDelivery>();
      while (done.length < all.length) {
        // As Postgres knows them: all that have not ended.
        queue.plan(all.filter(({ notificationId }) => !done.includes(notificationId)));
        for (const delivery of queue.takeReady()) {
          expect(inFlight.has(delivery.notificationId)).toBe(false);
          inFlight.set(delivery.notificationId, delivery);
        }
        const flying = [...inFlight.values()];
        expect(flying.length).toBe(queue.inFlightCount);
        for (const channel of ['slack', 'email']) {
          const own = flying.filter(({ channelKey }) => channelKey === channel);
          expect(own.length).toBeLessThanOrEqual(AT_ONCE_PER_CHANNEL);
          const told = own.flatMap(({ incidentId }) => (incidentId === null ? [] : [incidentId]));
          expect(new Set(told).size).toBe(told.length);
        }
        const next = flying[choices.next().value % flying.length];
        if (next === undefined) throw new Error('nothing is on its way, and not all are done');
        inFlight.delete(next.notificationId);
        queue.ended(next.notificationId);
        done.push(next.notificationId);
      }
      for (const { channelKey, incidentId } of all.filter((delivery) => delivery.incidentId !== null)) {
        const order = done
          .map((id) => all[Number(id)])
          .filter((delivery) => delivery?.channelKey === channelKey && delivery.incidentId === incidentId)
          .map((delivery) => Number(delivery?.notificationId));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
    });
    fc.assert(property, { numRuns: 100 });
  });
});

describe('between two attempts', () => {
  it('there are five seconds, twice as long each time, five minutes at most', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 300].map((attempt) => deliveryBackoffMs(attempt, null) / 1_000);
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('there is as long as the provider asks for, and never less than ours', () => {
    expect(deliveryBackoffMs(1, 3_600_000)).toBe(3_600_000);
    expect(deliveryBackoffMs(4, 1_000)).toBe(40_000);
  });
});
