import { distribution } from '../aws/distribution.ts';
import { s3 } from '../aws/s3-client.ts';
import { environment } from './environment.ts';
import { once } from './services.ts';

/* Apart from services.ts, so that no other function carries an S3 client. */

export const published = once(() => distribution(s3(), environment('distributionBucket')));
