#!/usr/bin/env bash
# An agent's life with nothing but curl and openssl: register, certify, verify, sign, verify the message, revoke.
# KAKUNIN_URL ends in /v1; KAKUNIN_KEY is an API key with the scopes for all that.
set -euo pipefail
: "${KAKUNIN_URL:?where the API is, such as http://127.0.0.1:3000/v1}" "${KAKUNIN_KEY:?an API key}"
files=$(mktemp -d); trap 'rm -rf "$files"' EXIT; cd "$files"

# Each request has an Idempotency-Key, so that curl may repeat it: it gets the first answer, and nothing is done twice.
post() {
  local answer
  answer=$(curl -sS --fail-with-body --retry 3 -H "Authorization: Bearer $KAKUNIN_KEY" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(openssl rand -hex 16)" "$KAKUNIN_URL$1" -d "$2") || { echo "$answer" >&2; exit 1; }
  echo "$answer"
}
get() { curl -sS --fail-with-body --retry 3 "$@"; }
# The first text field of that name in the JSON of the second argument.
field() { [[ $2 =~ \"$1\":\"([^\"]*)\" ]] && printf '%b' "${BASH_REMATCH[1]}"; }
step() { printf '\n== %s\n' "$1"; }

step 'Register an agent'
agent=$(post /agents '{"name": "Rebalancer", "model_hash": "sha256:9f2c", "operator_org": "Acme Capital",
  "permitted_actions": ["payment:send"], "financial_scope": {"max_single_trade_usd": 10000}}')
agent_id=$(field id "$agent"); echo "$agent_id"

step 'Certify it: a key is born in KMS'
certificate=$(post "/agents/$agent_id/certify" '{}')
certificate_id=$(field id "$certificate"); serial=$(field serial_number "$certificate"); echo "$serial"
field certificate_pem "$certificate" > agent.pem

step 'Verify the certificate by its serial number'
get "$KAKUNIN_URL/verify/$serial"; echo

step 'Verify it with openssl and the CRL that it names'
get "$KAKUNIN_URL/ca" > ca.pem # of a service of your own, keep this file from a time you trusted the connection
crl_url=$(openssl x509 -in agent.pem -noout -ext crlDistributionPoints | grep -oE 'https?://[^[:space:]]+')
openssl_verifies() {
  get "$crl_url" | openssl crl -inform DER > crl.pem
  openssl verify -x509_strict -crl_check -CRLfile crl.pem -CAfile ca.pem agent.pem 2>&1
}
openssl_verifies

step 'Sign a payment with its key'
payload='{"payment": "A-17", "amount_usd": 250.50}'
signed=$(post "/agents/$agent_id/sign" "{\"payload\": $payload}")
signature=$(field signature "$signed"); echo "$signature"

step 'Verify the message; order and spacing of the JSON do not matter'
message="{\"payload\": {\"amount_usd\": 250.5, \"payment\": \"A-17\"}, \"signature\": \"$signature\", \"certificate_serial\": \"$serial\"}"
post /verify/message "$message"

step 'Revoke the certificate'
post "/certificates/$certificate_id/revoke" '{"reason": "Quickstart is over", "reason_code": "cessationOfOperation"}'

step 'The serial number and the message say so at once'
get "$KAKUNIN_URL/verify/$serial"; echo
post /verify/message "$message"

step 'The CRL says so within seconds, in front of a cache within a minute'
for _ in {1..90}; do
  if ! verdict=$(openssl_verifies); then echo "$verdict"; exit 0; fi
  sleep 1
done
echo 'The CRL has not come to list the certificate.' >&2
exit 1
