/**
 * For an SDK client's `requestHandler`: as many connections as there are requests under way. The SDK's limit of 50 makes
 * further requests wait for a free one, and counts that wait as time to connect, so that a burst fails with TimeoutError.
 * A Lambda has one request under way; it is the local runtime that has hundreds.
 */
export const unqueued = { httpAgent: { maxSockets: Infinity }, httpsAgent: { maxSockets: Infinity } };
