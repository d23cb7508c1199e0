import pLimit from 'p-limit';
import type { WatchedMachine } from '../../domain/heartbeat.ts';
import type { MachineHeartbeats } from '../../../temporal/machineHeartbeats.ts';

const AT_ONCE = 10;

interface HeartbeatTellerOptions {
  /** Those of these machines that still exist. */
  readonly find: (machineIds: readonly string[]) => Promise<readonly WatchedMachine[]>;
  readonly heartbeats: Pick<MachineHeartbeats, 'seen'>;
  /** What could not be told is left to the sweep. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Tells the workflows of machines that came up, beside the answers to their agents: when 5,000 come back at once,
 * nobody waits for Temporal. What a process that dies has not told, the sweep tells.
 */
export class HeartbeatTeller {
  private readonly options: HeartbeatTellerOptions;
  private readonly limit = pLimit(AT_ONCE);
  private waiting = new Set<string>();
  private isTelling = false;

  constructor(options: HeartbeatTellerOptions) {
    this.options = options;
  }

  tell(machineIds: readonly string[]): void {
    for (const id of machineIds) this.waiting.add(id);
    if (!this.isTelling) void this.tellAll();
  }

  /** Where Temporal is away, each would wait in vain: the sweep tells those that are left. */
  private async tellUntilRefused(machines: readonly WatchedMachine[]): Promise<void> {
    let isThere = true;
    await this.limit.map(machines, async (machine) => {
      if (isThere) isThere = await this.options.heartbeats.seen(machine);
    });
  }

  private async tellAll(): Promise<void> {
    this.isTelling = true;
    while (this.waiting.size > 0) {
      const ids = [...this.waiting];
      this.waiting = new Set();
      try {
        const machines = await this.options.find(ids);
        await this.tellUntilRefused(machines);
      } catch (error) {
        this.options.onFault(error);
      }
    }
    this.isTelling = false;
  }
}
