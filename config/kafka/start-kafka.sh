#!/usr/bin/env bash
# Starts Kafka in its container, and creates $TOPICS (each as name:partitions, with $REPLICAS) as soon as there are brokers
# to ask: creating topics on demand stays off, and no second container is needed that ends.
set -eu

create_topics() {
  for topic in $TOPICS; do
    KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-topics.sh --bootstrap-server=localhost:9092 --create --if-not-exists \
      --topic="${topic%:*}" --partitions="${topic##*:}" --replication-factor="${REPLICAS:-1}" || return
  done
  # A health check may ask for it.
  touch /tmp/topics-created
}

{
  # Its port opens when the broker takes requests. Waiting for it costs no JVM.
  until (exec 3<> /dev/tcp/127.0.0.1/9092) 2> /dev/null && create_topics; do
    sleep 1
  done
} &

exec /etc/kafka/docker/run
