#!/bin/sh
# Make certificates for mosquitto and its clients, and the authority that signs them where there is none yet:
#   certificates.sh broker NAME-OR-ADDRESS...     the names under which clients reach the broker
#   certificates.sh client NAME                   a device as in its topics, a person, gateway or homeassistant
# CERTIFICATES=FOLDER works elsewhere than in /etc/mosquitto/certs. DAYS=N, otherwise ten years for the authority and
# two for the others; `gateway doctor` warns before the broker's ends. Keep ca.key off the network.
set -eu
folder=${CERTIFICATES:-/etc/mosquitto/certs}
kind=${1:-}
case $kind in
  broker) file=server; subject=${2:-} ;;
  client) file=${2:-}; subject=${2:-} ;;
  *) subject='' ;;
esac
[ -n "$subject" ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
shift
for name in "$@"; do
  case $name in
    *[!A-Za-z0-9_.:-]*) echo "A name is of letters, digits and _ . : - only, not: '$name'" >&2; exit 2 ;;
  esac
done

umask 077
mkdir -p "$folder"
cd "$folder"
if [ ! -f ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days "${DAYS:-3650}" -subj "/CN=edge gateway authority" \
    -keyout ca.key -out ca.crt -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
fi

extensions=$(mktemp)
trap 'rm -f "$extensions" "$file.csr"' EXIT
{
  echo "basicConstraints = critical,CA:FALSE"
  echo "keyUsage = critical,digitalSignature"
  if [ "$kind" = broker ]; then
    echo "extendedKeyUsage = serverAuth"
    names=''
    for name in "$@"; do
      case $name in
        *:*) names="$names,IP:$name" ;;
        *[!0-9.]*) names="$names,DNS:$name" ;;
        *) names="$names,IP:$name" ;;
      esac
    done
    echo "subjectAltName = ${names#,}"
  else
    echo "extendedKeyUsage = clientAuth"
  fi
} >"$extensions"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$subject" -keyout "$file.key" -out "$file.csr" 2>/dev/null
openssl x509 -req -sha256 -days "${DAYS:-730}" -in "$file.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
  -extfile "$extensions" -out "$file.crt" 2>/dev/null
chmod 644 ca.crt "$file.crt"
if [ "$(id -u)" = 0 ] && [ "$kind" = broker ] && id mosquitto >/dev/null 2>&1; then
  chmod 711 .
  chown mosquitto: server.key
fi
echo "$folder/$file.crt" "$folder/$file.key" "$folder/ca.crt"
