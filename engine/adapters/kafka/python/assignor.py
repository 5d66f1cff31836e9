"""How the group shares out its partitions: p of every topic to the same member, moving as little as can be."""

from typing import Any

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment


class CoPartitionedAssignor(CooperativeStickyAssignor):  # type: ignore[misc]
    """Shares out the topic whose name comes first; the other topics follow it."""

    name = "cooperative-sticky-co-partitioned"

    @classmethod
    def parse_member_metadata(cls, metadata: Any) -> Any:
        """What one member subscribes to and owns, of the first topic only."""
        member = super().parse_member_metadata(metadata)
        first = min(member.subscription)
        owned = [place for place in member.partitions if place.topic == first]
        return member._replace(partitions=owned, subscription=[first])

    def assign(self, cluster: Any, members: Any) -> dict[str, Any]:
        """Member id -> assignment over all topics."""
        topics = sorted({topic for member in members for topic in member.metadata.topics})
        return {
            member: ConsumerProtocolAssignment(
                self.version, [(topic, numbers) for topic in topics for _, numbers in first.assigned_partitions], b""
            )
            for member, first in super().assign(cluster, members).items()
        }
