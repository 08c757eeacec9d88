export * from '../../lib/described-stack.ts';
