"""Kafka as source and sink, over confluent-kafka or kafka-python: the same settings, the same behaviour."""
