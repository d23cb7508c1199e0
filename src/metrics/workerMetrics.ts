import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Commit } from '../activities/recorder.ts';
import type { WatchGone } from '../activities/watch/watchHost.ts';
import type { SendOutcome } from '../channels/channel.ts';
import { FAILURE_CLASSES, type CheckKind, type CheckResult } from '../domain/check.ts';

/** Who made a check: a watch of this process, or a step of the target's workflow. */
type CheckMode = 'watch' | 'step';

/** What is asked for only when somebody looks. */
interface WorkerGauges {
  readonly watches: () => number;
  readonly probesWaiting: () => number;
  readonly resultsWaiting: () => number;
}

const LATENESS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const PROBE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const COMMIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const GROUP_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

const RESULTS = ['ok', ...FAILURE_CLASSES] as const;
/** A watch makes no manual checks. */
const KINDS = { watch: ['scheduled'], step: ['scheduled', 'manual'] } as const satisfies Readonly<
  Record<CheckMode, readonly CheckKind[]>
>;

/**
 * What a worker process counts of itself, for Prometheus. A check costs three calls of children that are bound to
 * their labels once; gauges cost nothing until they are read.
 */
export class WorkerMetrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];
  private probesInFlight = 0;

  private readonly checks = new Counter({
    name: 'monitoring_checks_total',
    help: 'Checks that were made, by result (ok, or the failure class), kind, and mode: a watch, or a step of the workflow.',
    labelNames: ['result', 'kind', 'mode'],
    registers: this.registers,
  });
  private readonly lateness = new Histogram({
    name: 'monitoring_check_lateness_seconds',
    help: 'How long after its slot a scheduled check began.',
    labelNames: ['mode'],
    buckets: LATENESS_SECONDS,
    registers: this.registers,
  });
  private readonly probeDuration = new Histogram({
    name: 'monitoring_probe_duration_seconds',
    help: 'How long a probe took, from the name to the last byte.',
    buckets: PROBE_SECONDS,
    registers: this.registers,
  });
  private readonly commitDuration = new Histogram({
    name: 'monitoring_recorder_commit_duration_seconds',
    help: 'How long Postgres took for a group of results, those included that it refused.',
    buckets: COMMIT_SECONDS,
    registers: this.registers,
  });
  private readonly groupSize = new Histogram({
    name: 'monitoring_recorder_group_size',
    help: 'Results in one transaction.',
    buckets: GROUP_SIZES,
    registers: this.registers,
  });
  private readonly refusedCommits = new Counter({
    name: 'monitoring_recorder_refused_commits_total',
    help: 'Groups of results that were not committed.',
    registers: this.registers,
  });
  private readonly leasesLost = new Counter({
    name: 'monitoring_worker_lease_lost_total',
    help: 'How often the other workers took this one for dead while it lived.',
    registers: this.registers,
  });
  private readonly takeovers = new Counter({
    name: 'monitoring_watch_takeovers_total',
    help: 'Watches that this worker took on from others.',
    registers: this.registers,
  });
  private readonly watchesEnded = new Counter({
    name: 'monitoring_watches_ended_total',
    help: 'Watches that this worker no longer has, by reason.',
    labelNames: ['reason'],
    registers: this.registers,
  });

  private readonly deliveries = new Counter({
    name: 'monitoring_deliveries_total',
    help: 'Attempts at messages, by channel type and result: sent, failed (tried again, or given up), refused, skipped.',
    labelNames: ['channel', 'result'],
    registers: this.registers,
  });

  private readonly byMode = { watch: this.modeOf('watch'), step: this.modeOf('step') };

  /** A check has been made; nothing is said yet about whether it is stored. */
  checked(mode: CheckMode, { failureClass, kind, startedAt, scheduledAt, timings }: CheckResult): void {
    const of = this.byMode[mode];
    of.counts[kind]?.get(failureClass ?? 'ok')?.inc();
    if (kind === 'scheduled') of.lateness.observe(Math.max(0, startedAt - scheduledAt) / 1_000);
    this.probeDuration.observe(timings.totalMs / 1_000);
  }

  probeBegan(): void {
    this.probesInFlight += 1;
  }

  probeEnded(): void {
    this.probesInFlight -= 1;
  }

  committed({ groupSize, tookMs, isRefused }: Commit): void {
    this.commitDuration.observe(tookMs / 1_000);
    this.groupSize.observe(groupSize);
    if (isRefused) this.refusedCommits.inc();
  }

  leaseLost(): void {
    this.leasesLost.inc();
  }

  watchesClaimed(count: number): void {
    this.takeovers.inc(count);
  }

  watchGone(reason: WatchGone): void {
    this.watchesEnded.inc({ reason });
  }

  /** An attempt at a message has ended. */
  delivered(channel: string, result: SendOutcome['kind']): void {
    this.deliveries.inc({ channel, result });
  }

  /** Exports what others count for themselves; once a process. */
  watchGauges({ watches, probesWaiting, resultsWaiting }: WorkerGauges): void {
    this.gauge('monitoring_watches', 'Watches that this worker has.', watches);
    this.gauge('monitoring_probes_in_flight', 'Probes under way.', () => this.probesInFlight);
    this.gauge('monitoring_probes_waiting', 'Probes of watches that wait for their turn.', probesWaiting);
    this.gauge('monitoring_recorder_results_waiting', 'Results that wait for a commit.', resultsWaiting);
  }

  /** Exports whether this worker has lost its own network; once a process. */
  networkGauge(isLost: () => boolean): void {
    this.gauge(
      'monitoring_network_lost',
      'Whether this worker has lost its own network (1): neither targets nor reference addresses answer.',
      () => (isLost() ? 1 : 0),
    );
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      ...{ name, help, registers: this.registers },
      collect() {
        this.set(read());
      },
    });
  }

  private modeOf(mode: CheckMode) {
    const counts: Partial<Record<CheckKind, Map<string, Counter.Internal>>> = {};
    for (const kind of KINDS[mode]) {
      counts[kind] = new Map(RESULTS.map((result) => [result, this.checks.labels({ result, kind, mode })]));
      for (const count of counts[kind].values()) count.inc(0); // one that begins with a failure has no rate
    }
    return { counts, lateness: this.lateness.labels({ mode }) };
  }
}
