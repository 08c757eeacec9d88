/** The account everything here seems to be in, as far as ARNs and signatures need one. */
export const accountId = '000000000000';

/** Where the deployed service lives too. */
export const region = 'eu-west-1';

/** The engine and the KMS want requests signed, and do not ask by whom. */
export const localCredentials = { accessKeyId: 'local', secretAccessKey: 'local' };
