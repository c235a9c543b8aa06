#!/bin/sh
# Builds the product's images, starts everything, waits until it is ready, and says where it is. Run again on a running
# product, it changes nothing that has not changed in the source. `make up` runs this.
set -eu
cd "$(dirname "$0")/.."
port=${PORT:-8000}
patience=${FRONTDOOR_PATIENCE:-300}

docker compose version >/dev/null 2>&1 || { echo "make up needs Docker with its compose plugin (docker compose version)." >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "No Docker engine answers: start Docker first (docker info)." >&2; exit 1; }

echo "Building the images (some minutes the first time) …"
docker compose --progress quiet build

case ${FRONTDOOR_SEED:-sample} in
  none) echo "Starting PostgreSQL, Kafka, Redis, the five services and the gateway …" ;;
  *) echo "Starting PostgreSQL, Kafka, Redis, the five services and the gateway; the first time with an invented term …" ;;
esac
docker compose --progress quiet up --detach --quiet-pull || {
  docker compose logs --tail 20 set-up >&2
  echo "It did not start: what is above says why. docker compose logs has the rest." >&2
  exit 1
}

# Asked through the gateway, from inside: the machine needs no program for it. Prints what is not ready yet.
ask='
import json, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen("http://gateway:8000/health/ready", timeout=5)
except urllib.error.HTTPError as refused:
    answer = refused
services = json.load(answer).get("services", {})
print(", ".join(name for name, report in services.items() if report["status"] != "ok") or "the gateway")
raise SystemExit(answer.status != 200)
'
began=$(date +%s)
waiting=
until now=$(docker compose exec -T referral-intake python -c "$ask" 2>/dev/null); do
  now=${now:-referral-intake}
  if [ $(($(date +%s) - began)) -ge "$patience" ]; then
    docker compose ps --all >&2
    echo "Not ready after $patience s: $now. docker compose logs says why." >&2
    exit 1
  fi
  [ "$now" = "$waiting" ] || echo "Waiting for $now …"
  waiting=$now
  sleep 1
done

address=${FRONTDOOR_PUBLIC_URL:-http://localhost:$port}
echo "Front Door is ready: $address"
case ${FRONTDOOR_PUBLISH:-127.0.0.1} in
  127.*) echo "It answers on this machine alone; FRONTDOOR_PUBLISH=0.0.0.0 make up opens it to others." ;;
esac
[ "${FRONTDOOR_ENV:-demo}" != demo ] || echo "Sign in as one of the sample people at /sign-in, or send Authorization: Bearer demo-senco"
echo "make logs shows what it does, docker compose run --rm tools verify proves it, make down stops it; the data stays."
