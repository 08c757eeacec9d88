// Imported before a program, lets it see the clock two hours ahead.
const { now } = Date;
Date.now = () => now() + 2 * 3_600_000;
globalThis.Date = new Proxy(Date, { construct: (target, values) => Reflect.construct(target, values.length === 0 ? [Date.now()] : values) });
