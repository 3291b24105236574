#!/bin/sh
# Run by PostgreSQL's image when it makes its data directory: GoTrack's own role and database.
set -eu
psql --username="$POSTGRES_USER" --dbname=postgres --set=ON_ERROR_STOP=1 \
  --set=password="$(cat /run/credentials/postgres-gotrack-password)" << 'SQL'
create role gotrack login password :'password';
create database gotrack owner gotrack;
SQL
