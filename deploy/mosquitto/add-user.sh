#!/bin/sh
# Make a user of mosquitto, and print the credentials, which are not kept in clear:
#   add-user.sh gateway | add-user.sh homeassistant | add-user.sh device NAME | add-user.sh person NAME
# What is printed is what the gateway's mqtt.credentials_file wants: (umask 077; add-user.sh gateway >/etc/gateway/mqtt.toml)
# The same name again gets a new password. MOSQUITTO=FOLDER works elsewhere than in /etc/mosquitto.
set -eu
folder=${MOSQUITTO:-/etc/mosquitto}
kind=${1:-}
case $kind in
  gateway | homeassistant) name=$kind ;;
  device | person) name=${2:-} ;;
  *) sed -n '2,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
case $name in
  '' | *[!A-Za-z0-9_.-]*)
    echo "A name is of letters, digits and _ . - (a device's as in its topics), not: '$name'" >&2
    exit 2 ;;
esac
if [ "$kind" = device ] && grep -qxF "user $name" "$folder/acl"; then
  echo "'$name' has more rights in $folder/acl than a device must have: choose another name" >&2
  exit 2
fi
if [ "$kind" = person ] && ! grep -qxF "user $name" "$folder/acl" && grep -qs "^$name:" "$folder/passwords"; then
  echo "'$name' is a device: a person of that name could speak for it" >&2
  exit 2
fi

umask 077
fresh=$(mktemp "$folder/.passwords.XXXXXX")
all=$(mktemp "$folder/.passwords.XXXXXX")
trap 'rm -f "$fresh" "$all"' EXIT
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf '%s:%s\n' "$name" "$password" >"$fresh"
mosquitto_passwd -U "$fresh" # hashes the file in place: no secret on a command line
if [ -f "$folder/passwords" ]; then
  awk -F: -v name="$name" '$1 != name' "$folder/passwords" >"$all"
fi
cat "$fresh" >>"$all"
if [ "$(id -u)" = 0 ] && id mosquitto >/dev/null 2>&1; then
  chown mosquitto: "$all"
fi
mv "$all" "$folder/passwords"

if [ "$kind" = person ] && ! grep -qxF "user $name" "$folder/acl"; then
  cat >>"$folder/acl" <<RULES

user $name
topic read devices/#
topic read gateway/#
topic write devices/+/feedback
topic write devices/+/maintenance
RULES
fi
printf 'username = "%s"\npassword = "%s"\n' "$name" "$password"
echo "Now: systemctl reload mosquitto" >&2
