#!/usr/bin/env bash
# Starts Kafka in its container, and creates $TOPIC with $PARTITIONS as soon as there is a broker to ask: creating
# topics on demand stays off, and no second container is needed that ends.
set -eu

create_topic() {
  KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-topics.sh --bootstrap-server=localhost:9092 --create --if-not-exists \
    --topic="$TOPIC" --partitions="$PARTITIONS" --replication-factor=1
}

{
  # Its port opens when the broker takes requests. Waiting for it costs no JVM.
  until (exec 3<> /dev/tcp/127.0.0.1/9092) 2> /dev/null && create_topic; do
    sleep 1
  done
} &

exec /etc/kafka/docker/run
