import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Says of one construct why what cdk-nag finds of it is as it should be; test/lib/nag.test.ts knows no finding that is neither
 * mended nor explained so.
 * @param reasons by the rules' ids
 */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })));
}
