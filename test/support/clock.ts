/*
 * The time, as everything in the test's process sees it that asks for it: handlers, KMS and S3 alike. Timers, the engine
 * of the tables and programs such as openssl keep the machine's.
 */

const MachineDate = Date;

export interface MovedClock {
  /** From now on it is this time, and runs on. */
  moveTo(time: string): void;
  /** It is this time, until it is moved again. */
  stopAt(time: string): void;
  /** It is the machine's time again. */
  restore(): void;
}

export function movedClock(): MovedClock {
  let now = (): number => MachineDate.now();
  globalThis.Date = new Proxy(MachineDate, {
    construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  });
  return {
    moveTo(time) {
      const difference = MachineDate.parse(time) - MachineDate.now();
      now = () => MachineDate.now() + difference;
    },
    stopAt(time) {
      const instant = MachineDate.parse(time);
      now = () => instant;
    },
    restore() {
      globalThis.Date = MachineDate;
    },
  };
}
