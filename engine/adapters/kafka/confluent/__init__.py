"""On librdkafka, by confluent-kafka."""
