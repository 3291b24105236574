#!/bin/sh
# Makes up each password that $CREDENTIALS does not hold yet. Every file is for one service: the one whose uid owns it.
set -eu
umask 077
cd "$CREDENTIALS"

made_up() {
  head -c 24 /dev/urandom | base64 | tr '+/' '-_'
}

# Each byte percent-encoded: whatever a password has in it, a URL then holds it.
url_encoded() {
  od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'
}

# Whole or not at all: name, owner; the content comes by standard input.
keep() {
  cat > "$1.new"
  chown "$2" "$1.new"
  mv "$1.new" "$1"
}

[ -s postgres-password ] || made_up | keep postgres-password "$POSTGRES_UID"
[ -s postgres-gotrack-password ] || made_up | keep postgres-gotrack-password "$POSTGRES_UID"
[ -s grafana-password ] || made_up | keep grafana-password "$GRAFANA_UID"
password="$(cat postgres-gotrack-password)"
echo "postgres://gotrack:$(printf %s "$password" | url_encoded)@postgres:5432/gotrack" | keep pg-dsn "$GOTRACK_UID"
chmod 711 .
