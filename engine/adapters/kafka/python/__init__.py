"""Kafka by kafka-python, a client in pure Python. Other packages reach it through `adapters.kafka.library`."""
