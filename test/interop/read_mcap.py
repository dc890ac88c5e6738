"""Reads an MCAP file with the Python packages `mcap` and `mcap-ros2-support` and prints what it found as JSON.

Every message of every topic is decoded by the definition in the file. A topic's digest is the SHA-256 over the
sorted SHA-256 digests of its messages: log time, publish time, then all values (float64 little-endian, bytes and text as
they are). Sorted, because readers order messages by log time or as they stand in the file.
"""

import hashlib
import json
import struct
import sys

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory


def values(node, out):
    """Flattens a decoded message: numbers, bytes and text in the order of its fields."""
    if isinstance(node, bool):
        out.append(struct.pack("<d", float(node)))
    elif isinstance(node, (int, float)):
        out.append(struct.pack("<d", float(node)))
    elif isinstance(node, str):
        out.append(node.encode())
    elif isinstance(node, (bytes, bytearray, memoryview)):
        out.append(bytes(node))
    elif isinstance(node, (list, tuple)) or hasattr(node, "__len__"):
        for item in node:
            values(item, out)
    else:
        for name in node.__slots__:
            values(getattr(node, name), out)


def main(path):
    topics = {}
    with open(path, "rb") as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        for schema, channel, message, decoded in reader.iter_decoded_messages(log_time_order=False):
            topic = topics.setdefault(
                channel.topic,
                {"schema": schema.name, "encoding": schema.encoding, "count": 0, "digest": []},
            )
            topic["count"] += 1
            out = [struct.pack("<QQ", message.log_time, message.publish_time)]
            values(decoded, out)
            topic["digest"].append(hashlib.sha256(b"".join(out)).digest())
        metadata = {record.name: record.metadata for record in reader.iter_metadata()}
        attachments = {record.name: len(record.data) for record in reader.iter_attachments()}
        profile = reader.get_header().profile
    statistics = summary.statistics
    for topic in topics.values():
        topic["digest"] = hashlib.sha256(b"".join(sorted(topic["digest"]))).hexdigest()
    json.dump(
        {
            "profile": profile,
            "topics": topics,
            "metadata": metadata,
            "attachments": attachments,
            "messages": statistics.message_count,
            "chunks": statistics.chunk_count,
            "start": str(statistics.message_start_time),
            "end": str(statistics.message_end_time),
        },
        sys.stdout,
    )


main(sys.argv[1])
