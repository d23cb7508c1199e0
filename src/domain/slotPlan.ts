import { dueSlot } from './schedule.ts';

/** When a target is due next; UTC milliseconds, null for never. */
export class SlotPlan {
  private readonly targetId: string;
  private slot: number | null;
  private wasMoved = false;

  constructor(targetId: string, slot: number | null) {
    this.targetId = targetId;
    this.slot = slot;
  }

  get next(): number | null {
    return this.slot;
  }

  set(slot: number | null): void {
    this.slot = slot;
    this.wasMoved = false;
  }

  /**
   * Missed slots are skipped and overdue targets spread (see `dueSlot`), once: where everything is always late,
   * checks come late, but they come.
   *
   * @returns the slot that is due now; null while there is none
   */
  due(intervalMs: number, now: number): number | null {
    if (this.slot === null) return null;
    if (!this.wasMoved) {
      const moved = dueSlot(this.targetId, intervalMs, this.slot, now);
      this.wasMoved = moved !== this.slot;
      this.slot = moved;
    }
    return this.slot <= now ? this.slot : null;
  }
}
