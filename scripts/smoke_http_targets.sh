#!/bin/sh
# Smoke test of the HTTP target routes against a running server:
#   API=http://localhost:8000 KEY=<api key> ./scripts/smoke_http_targets.sh
# Creates a target of a fresh URL and deletes it again, so it can run any number of times.
set -u

API=${API:-http://localhost:8000}
API=${API%/}
TARGETS="$API/api/v1/http-targets"
WAIT_SECONDS=${WAIT_SECONDS:-60}

[ -n "${KEY:-}" ] || { echo "KEY is not set: KEY=<api key> $0" >&2; exit 1; }
command -v curl >/dev/null || { echo "curl is needed" >&2; exit 1; }

work=$(mktemp -d) || exit 1
created=
failures=0

cleanup() {
  [ -z "$created" ] || request DELETE "$TARGETS/$created" cleanup >/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# request METHOD URL NAME [BODY]: prints the status code, leaves the answer in $work/NAME
request() {
  if [ $# -gt 3 ]; then
    curl -sS -o "$work/$3" -w '%{http_code}' -X "$1" -H "X-API-Key: $KEY" \
      -H 'Content-Type: application/json' --max-time 15 --data "$4" "$2"
  else
    curl -sS -o "$work/$3" -w '%{http_code}' -X "$1" -H "X-API-Key: $KEY" --max-time 15 "$2"
  fi
}

# expect NAME WANTED GOT
expect() {
  if [ "$2" = "$3" ]; then
    echo "ok    $1 ($3)"
  else
    echo "FAIL  $1: expected $2, got $3: $(head -c 500 "$work/last" 2>/dev/null)" >&2
    failures=$((failures + 1))
  fi
}

echo "waiting for $API/api/v1/health"
waited=0
until [ "$(curl -sS --max-time 5 "$API/api/v1/health" 2>/dev/null)" = '{"status":"ok"}' ]; do
  waited=$((waited + 1))
  [ "$waited" -lt "$WAIT_SECONDS" ] || { echo "FAIL  not healthy within $WAIT_SECONDS s" >&2; exit 1; }
  sleep 1
done

url="$API/api/v1/health?smoke=$(date +%s)-$$"
body="{\"name\": \"smoke test\", \"url\": \"$url\", \"check_interval_seconds\": 60, \"timeout_seconds\": 10}"

# Two at once: exactly one may win.
request POST "$TARGETS" first "$body" >"$work/first.code" &
one=$!
request POST "$TARGETS" second "$body" >"$work/second.code" &
wait "$one" $!
codes=$(printf '%s\n%s\n' "$(cat "$work/first.code")" "$(cat "$work/second.code")" | sort | tr '\n' ' ')
cat "$work/first" "$work/second" >"$work/last" 2>/dev/null
expect 'two POSTs of one URL at once: one 201, one 409' '201 409 ' "$codes"

created=$(sed -n 's/^{"id": *"\([0-9a-f-]*\)".*/\1/p' "$work/first" "$work/second" | head -n 1)
existing=$(sed -n 's/.*"existing_id": *"\([0-9a-f-]*\)".*/\1/p' "$work/first" "$work/second" | head -n 1)
expect 'the 409 names the target that exists' "${created:-no id}" "${existing:-no existing_id}"

code=$(request POST "$TARGETS" last "$body")
expect 'the same POST again: 409' 409 "$code"

code=$(request POST "$TARGETS" last '{"name": "smoke test", "url": "ftp://example.com/"}')
expect 'a URL that is not HTTP: 422' 422 "$code"

code=$(request DELETE "$TARGETS/$created" last)
expect 'DELETE: 200' 200 "$code"
[ "$code" != 200 ] || created=

[ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }
echo "all passed"
