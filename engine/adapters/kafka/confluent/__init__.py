"""Kafka over librdkafka, by confluent-kafka. Other packages reach it through `adapters.kafka.library`."""
